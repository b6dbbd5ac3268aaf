package vault

import (
	"context"
	"errors"
	"sync"
	"time"

	"kitekey/kite"
)

// Limits of [Vault.VerifyAll].
const (
	verifyAtOnce  = 8                // credentials at the same time
	verifyTries   = 6                // tries of one credential while the gateway is rate limiting
	verifyMaxRest = 15 * time.Second // the longest rest to wait for
)

type restKey struct{}

// WithRestNotify returns a context under which [Vault.VerifyAll] calls onRest when it
// rests because the gateway asked for it, with the time at which it goes on. The
// function must not block.
func WithRestNotify(ctx context.Context, onRest func(until time.Time)) context.Context {
	return context.WithValue(ctx, restKey{}, onRest)
}

// VerifyAll verifies many profiles, eight at a time, and calls each with every
// report as it comes, never twice at once. If the gateway answers 429, all workers
// rest for as long as it asks, fewer work at a time, and the profiles concerned are
// tried again: a 429 says nothing about the credential. If the store or a source
// does not work, it is not asked again: the rest of its profiles get the same
// error. VerifyAll returns when all are reported or ctx has ended.
func (v *Vault) VerifyAll(ctx context.Context, sels []Selector, deep bool, each func(Report)) {
	r := &verifyPool{atOnce: verifyAtOnce, down: map[string]error{}, onRest: func(time.Time) {}}
	if onRest, ok := ctx.Value(restKey{}).(func(time.Time)); ok {
		r.onRest = onRest
	}
	r.changed = sync.NewCond(&r.mu)
	listed := map[Selector]Profile{}
	if profiles, err := v.index.load(); err == nil { // each profile's report says what is wrong with the index
		for _, p := range profiles {
			listed[p.Selector] = p
		}
	}
	for _, sel := range sels {
		r.waiting = append(r.waiting, verifyJob{sel: sel, known: listed[sel]})
	}
	stop := context.AfterFunc(ctx, func() {
		r.mu.Lock()
		r.waiting = nil
		r.mu.Unlock()
		r.changed.Broadcast()
	})
	defer stop()

	found := make(chan verifyResult, len(sels)) // large enough that no worker waits for the disk
	var workers sync.WaitGroup
	for range min(verifyAtOnce, len(sels)) {
		workers.Go(func() { v.verifyFrom(ctx, r, deep, found) })
	}
	go func() {
		workers.Wait()
		close(found)
	}()
	for first := range found {
		// Take along the results that came while the index was written.
		batch := []verifyResult{first}
		for range len(found) {
			batch = append(batch, <-found)
		}
		verdicts := make(map[string]Report, len(batch))
		for _, n := range batch {
			verdicts[n.id] = n.Report
		}
		v.noteVerdicts(ctx, verdicts)
		for _, n := range batch {
			each(n.Report)
		}
	}
}

// verifyResult is a report and the profile whose verdict it is to be recorded as.
type verifyResult struct {
	Report
	id string
}

// verifyFrom is one worker: it takes jobs until there are none left.
func (v *Vault) verifyFrom(ctx context.Context, r *verifyPool, deep bool, found chan<- verifyResult) {
	for {
		job, ok := r.next(ctx)
		if !ok {
			return
		}
		var n verifyResult
		if err := r.downError(job.known.Source); err != nil {
			n.Report = v.storeFailed(job.sel, deep, err)
		} else {
			n.Report, n.id = v.verify(ctx, job.sel, job.known, deep)
		}
		if storeDown(n.Err) || sourceDown(n.Err) {
			r.setDownError(job.known.Source, n.Err)
		}
		if ctx.Err() != nil {
			r.done(job, 0, false, false)
			return
		}
		rest, again := retryAfter(n.Report, job.tries)
		r.done(job, rest, again, n.Verdict == VerdictRateLimited)
		if !again {
			found <- n
		}
	}
}

// storeFailed is the report for a profile for which the store was not asked. The
// index keeps its verdict.
func (v *Vault) storeFailed(sel Selector, deep bool, err error) Report {
	r := Report{Selector: sel, Store: v.store.Name(), Host: v.gateway(sel.Environment).Host(), At: v.now(), Deep: deep, Err: err, Verdict: VerdictOf(err)}
	if p, lookupErr := v.Lookup(sel); lookupErr == nil {
		r.KeyHint = p.KeyHint
	} else {
		r.Err, r.Verdict = lookupErr, VerdictOf(lookupErr)
	}
	return r
}

// retryAfter returns how long to rest after a report, and whether to try again
// then.
func retryAfter(r Report, tries int) (rest time.Duration, again bool) {
	if r.Verdict != VerdictRateLimited {
		return 0, false
	}
	rest = time.Second << tries
	var limited *kite.Error
	if errors.As(r.Err, &limited) && limited.RetryAfter > 0 {
		rest = limited.RetryAfter
	}
	return rest, tries+1 < verifyTries && rest <= verifyMaxRest
}

type verifyJob struct {
	sel   Selector
	known Profile // the profile as listed, zero if it is not listed
	tries int
}

// verifyPool is what the workers of one VerifyAll share.
type verifyPool struct {
	mu      sync.Mutex
	changed *sync.Cond
	waiting []verifyJob
	running int
	atOnce  int              // the number of workers that may run: halved by a 429, one more after each success
	resume  time.Time        // nothing starts before this time
	onRest  func(time.Time)  // called when resume changes
	down    map[string]error // the error of each source that does not work; "" is the store
}

func (r *verifyPool) downError(source string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.down[source]
}

func (r *verifyPool) setDownError(source string, err error) {
	var store *StoreError
	if errors.As(err, &store) {
		err = store // without the name of the first profile that failed
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down[source] = err
}

// next waits for a job and for permission to start it. ok is false if there is none
// left.
func (r *verifyPool) next(ctx context.Context) (job verifyJob, ok bool) {
	r.mu.Lock()
	for len(r.waiting) == 0 && r.running > 0 || len(r.waiting) > 0 && r.running >= r.atOnce {
		r.changed.Wait()
	}
	if len(r.waiting) == 0 {
		r.mu.Unlock()
		return job, false
	}
	job, r.waiting = r.waiting[0], r.waiting[1:]
	r.running++
	rest := time.Until(r.resume)
	r.mu.Unlock()
	if rest > 0 {
		timer := time.NewTimer(rest)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	return job, true
}

// done finishes a job or puts it back, and adjusts the speed.
func (r *verifyPool) done(job verifyJob, rest time.Duration, again, limited bool) {
	r.mu.Lock()
	r.running--
	if again {
		job.tries++
		r.waiting = append(r.waiting, job)
		if at := time.Now().Add(rest); at.After(r.resume) {
			r.resume = at
			r.onRest(at)
		}
	}
	if limited {
		r.atOnce = max(1, r.atOnce/2)
	} else {
		r.atOnce = min(verifyAtOnce, r.atOnce+1)
	}
	r.mu.Unlock()
	r.changed.Broadcast()
}
