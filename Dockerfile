# syntax=docker/dockerfile:1

# The worker as an image: docker build --build-arg COMMIT=$(git describe --always --abbrev=40 --exclude='*' --dirty) .
# The last stage needs nothing but the files /worker and /ca-certificates.crt of the stage before it. So it can be built
# from a worker that is there already: docker build --build-context build=FOLDER .

FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ARG COMMIT
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -o /worker \
    -ldflags "-s -w -X github.com/temporal-providers/temporal-2captcha/internal/command.linkedCommit=$COMMIT" ./worker
RUN cp /etc/ssl/certs/ca-certificates.crt /ca-certificates.crt

FROM scratch
ARG VERSION
ARG COMMIT
LABEL org.opencontainers.image.title="temporal-2captcha worker" \
      org.opencontainers.image.description="Temporal worker that waits for results of 2captcha tasks" \
      org.opencontainers.image.source="https://github.com/temporal-providers/temporal-2captcha" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /worker /worker
# A number, since Kubernetes can't check a name against runAsNonRoot.
USER 65532:65532
ENTRYPOINT ["/worker"]
