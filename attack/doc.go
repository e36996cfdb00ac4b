// Package attack is a thief's suite against coffer and its signing machine. It holds nothing but tests.
//
// The thief holds the daemon's credentials (whatever the signing machine's socket takes from the daemon, it takes from him) and may write
// anything into coffer's database. He does not hold a key that authorizes payments, but where an attempt says so. Each attempt tries to be
// paid twice, to be paid what nobody authorized, to burn funds as fees or to go beyond a limit, and is judged by what a real node says that
// he has in the end, and by the code of the refusal.
//
// For each attempt a set of guards is listed in internal/mutants/testdata (attack-NN-….set), with which taken away the thief has his loot:
// `make mutants` proves it.
package attack
