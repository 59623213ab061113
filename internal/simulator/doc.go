// Package simulator stands in for the 2captcha API v2 on a loopback address: for the demo, for our
// own tests, and for runs with faults on demand. It spends no money and needs no account. Users'
// tests have its small public part, package twocaptchatest.
//
// It knows the methods getTaskResult, createTask, getBalance, reportCorrect and reportIncorrect. A
// test gives each task its answers with [Server.Script], or makes a task by [Server.Submit] or by a
// createTask request, and points a client at [Server.URL]. [Server.Requests] tells afterwards what
// was asked, when, and how it was answered. A task with a callback URL is called back when it ends;
// [Server.Callbacks] tells what was sent. The account has a wallet, which createTask charges;
// [Server.Purchases] tells what was bought. createTask's answer can be lost after the purchase.
//
// What the simulator answers, and what it refuses, follows the service's published pages: the
// bodies of all methods, the table of error codes, HTTP status 200 for errors of the service, the
// 15 minutes that a result lives, the bans for wrong keys and for too many requests, the form that
// is posted to a callback URL. If those pages are silent, the comment on the name concerned says
// what is assumed. The faults are those that users of the service meet: pages of the CDN in front
// of it, bodies cut short, connections that drop or stall, redirects; and callbacks that are late,
// early, repeated, lost or forged.
//
// The simulator sends nothing off this machine.
//
// Everything here is safe for concurrent use.
package simulator
