package twocaptcha

// Version is this module's version. The service sees it in the User-Agent header.
const Version = "0.1.0"
