package callback

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/temporal-providers/temporal-2captcha/workflows"
)

const (
	// bodyTimeout is how long a request's body may take.
	bodyTimeout = 10 * time.Second

	// signalTimeout is how long Temporal may take. The client repeats transient failures within it.
	signalTimeout = 5 * time.Second

	// retryAfter is what the sender is told if Temporal took no signal, in seconds.
	retryAfter = "5"

	// domainProof is the file that proves to the service that a domain is the account's.
	domainProof = "2captcha.txt"
)

// Signaler is the part of a Temporal client that a [Handler] needs: a client.Client is one.
type Signaler interface {
	SignalWorkflow(ctx context.Context, workflowID, runID, signalName string, arg any) error
}

// Options configure a [Handler]. Temporal and Secret are required.
type Options struct {
	// Temporal takes the signals, concurrently. Its namespace must be that of the workflows to
	// wake.
	Temporal Signaler
	// Secret is the secret that the addresses were made with. With another secret, every address is
	// unknown.
	Secret string
	// DomainToken is the whole answer to GET …/2captcha.txt. If it is empty, there is no such file.
	DomainToken string
	// Logger takes warnings about callbacks that could not be passed on, and debug lines about all
	// others. nil means that nothing is logged. Of a request, only task and workflow ids and the
	// sender's network address are logged.
	Logger *slog.Logger
	// Metrics takes the counter twocaptcha_callbacks (twocaptcha_callbacks_total in Prometheus), with
	// the label outcome: "woken" if a workflow was signaled, "not_waiting" if it is unknown or has
	// ended, "failed" if Temporal did not take the signal, and "rejected" for any other request, but
	// for the file that DomainToken is in. A worker's handler is the one of its client's options. It
	// must be safe for concurrent use; nil: nothing is counted.
	Metrics client.MetricsHandler
}

// Handler passes the service's callbacks on as workflows.TaskCallbackSignal. It looks only at the
// last segment of a request's path, so it works behind any path prefix. It is safe for concurrent
// use, and starts no goroutines.
//
// A request to an address that was not made with the secret gets 404, before anything else is
// looked at. Any other request must be a POST (else 405), with a body of at most 64 KiB (413) that
// arrives within 10 seconds (408) and has one positive integer as its id (400). A [SubmissionURL]
// takes any POST or GET instead (else 405), whatever its body. The answer is 200 if the workflow
// was signaled, and also if the workflow is unknown or has ended, because a repeat would not help.
// It is 503 if Temporal did not take the signal within 5 seconds.
type Handler struct {
	temporalClient Signaler
	sign           signer
	domainToken    string
	logger         *slog.Logger
	counts         counts
}

// NewHandler returns an error if Temporal is nil or Secret is empty. It accepts any other Secret,
// even one that can be guessed: use 32 random bytes; fewer than 16 are too few.
func NewHandler(options Options) (*Handler, error) {
	if options.Temporal == nil {
		return nil, errors.New("callback: Options.Temporal is nil: set it to a Temporal client")
	}
	sign, err := newSigner(options.Secret)
	if err != nil {
		return nil, err
	}
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{
		temporalClient: options.Temporal,
		sign:           sign,
		domainToken:    options.DomainToken,
		logger:         options.Logger,
		counts:         newCounts(options.Metrics),
	}, nil
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// Without this, a server without a ReadTimeout would wait for a body for ever, even for one
	// that is not read here: net/http reads the body before it sends the answer. If the writer
	// can't set a deadline, its server has one of its own.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout))

	segment := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if segment == domainProof && h.domainToken != "" {
		h.proveDomain(w, r)
		return
	}
	kind, payload, genuine := h.sign.open(segment)
	if !genuine {
		h.logger.DebugContext(r.Context(), "callback to an unknown address", "from", r.RemoteAddr)
		h.reject(w, refusal{http.StatusNotFound, "not found"})
		return
	}
	body := http.MaxBytesReader(w, r.Body, maxBody)
	if kind == submissionKind {
		if r.Method != http.MethodPost && r.Method != http.MethodGet {
			w.Header().Set("Allow", http.MethodGet+", "+http.MethodPost)
			h.reject(w, refusal{http.StatusMethodNotAllowed, "callbacks come by POST or GET"})
			return
		}
		submission, workflowID, _ := bytes.Cut(payload, submissionEnd)
		h.signal(w, r, string(workflowID), workflows.TaskCallback{
			TaskID: findTaskID(r.URL.RawQuery, body), Submission: string(submission),
		})
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		h.reject(w, refusal{http.StatusMethodNotAllowed, "callbacks come by POST"})
		return
	}
	taskID, refused := readTaskID(body)
	if refused != nil {
		h.logger.WarnContext(r.Context(), "callback refused: "+refused.reason, "from", r.RemoteAddr)
		h.reject(w, *refused)
		return
	}
	workflowID := workflows.WorkflowID(taskID)
	if kind == workflowKind {
		workflowID = string(payload)
	}
	h.signal(w, r, workflowID, workflows.TaskCallback{TaskID: taskID})
}

// signal wakes the workflow. It ignores the end of the request's context: a sender that doesn't
// wait for the answer has already said everything.
func (h *Handler) signal(w http.ResponseWriter, r *http.Request, workflowID string, call workflows.TaskCallback) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), signalTimeout)
	defer cancel()
	logger := h.logger.With("workflowId", workflowID)
	if call.TaskID != 0 {
		logger = h.logger.With("taskId", call.TaskID, "workflowId", workflowID)
	}

	const currentRun = ""
	err := h.temporalClient.SignalWorkflow(ctx, workflowID, currentRun, workflows.TaskCallbackSignal, call)
	var notFound *serviceerror.NotFound
	switch {
	case err == nil:
		h.counts.woken.Inc(1)
		logger.DebugContext(ctx, "callback passed on")
	case errors.As(err, &notFound):
		h.counts.notWaiting.Inc(1)
		logger.DebugContext(ctx, "callback for a workflow that is not known, or has ended")
	default:
		h.counts.failed.Inc(1)
		logger.WarnContext(ctx, "callback not passed on: Temporal did not take the signal", "error", err)
		w.Header().Set("Retry-After", retryAfter)
		refuse(w, refusal{http.StatusServiceUnavailable, "try again later"})
		return
	}
	w.WriteHeader(http.StatusOK)
}

func (h *Handler) proveDomain(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", http.MethodGet+", "+http.MethodHead)
		refuse(w, refusal{http.StatusMethodNotAllowed, "the file is read by GET"})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = io.WriteString(w, h.domainToken) // a sender that has gone needs no answer
}

// reject is refuse for a request that is not a call of the service, or can't be read.
func (h *Handler) reject(w http.ResponseWriter, why refusal) {
	h.counts.rejected.Inc(1)
	refuse(w, why)
}

func refuse(w http.ResponseWriter, why refusal) {
	http.Error(w, why.reason, why.status)
}
