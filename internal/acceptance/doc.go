// Package acceptance holds tests alone. They compare the form of the real service's answers with
// that of the simulator's, on which the other tests rely. Without TWOCAPTCHA_ACCEPTANCE=1 nothing
// is asked of the real service: a simulator stands in for it, so that the comparison itself is
// tested.
package acceptance
