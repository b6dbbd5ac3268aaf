package plain

import (
	"context"
	"fmt"
	"time"

	"kitekey/kite"
	"kitekey/ui/handout"
	"kitekey/ui/prompt"
	"kitekey/ui/words"
	"kitekey/vault"
)

// ask puts a question and reads a line. It announces tokens, and renews
// the one that is kept alive, while it waits.
func (c *conversation) ask(ctx context.Context, question string) (string, error) {
	text, err := c.wait(ctx, question, prompt.Line)
	return text.Reveal(), err
}

func (c *conversation) wait(ctx context.Context, question string, kind prompt.Kind) (kite.Secret, error) {
	reading, err := prompt.Start(c.o.Input, kind)
	if err != nil {
		return kite.Secret{}, err
	}
	defer reading.End()
	c.write(question)
	for {
		timer := time.NewTimer(min(c.nextAnnouncement(kind), c.nextRenewal()))
		select {
		case a := <-reading.Answer():
			timer.Stop()
			if kind != prompt.Line && prompt.IsTerminal(c.o.Input) {
				c.write("\r\n") // the user's own line break was not echoed
			}
			return a.Text, a.Err
		case <-ctx.Done():
			timer.Stop()
			return kite.Secret{}, ctx.Err()
		case r := <-c.keep.renewing:
			timer.Stop()
			c.renewed(r)
			if kind == prompt.Line && c.announce() {
				c.write(question)
			}
		case <-timer.C:
			c.removed.Expire(c.now())
			c.renew(ctx)
			if kind == prompt.Line && c.announce() {
				c.write(question)
			}
		}
	}
}

func (c *conversation) write(text string) { _, _ = fmt.Fprint(c.o.Output, text) }

// yes asks a yes-or-no question.
func (c *conversation) yes(ctx context.Context, question string) (bool, error) {
	answer, err := c.ask(ctx, question+" Type yes or no: ")
	return prompt.IsYes(answer), err
}

// askCredential asks for both halves of a credential, hidden. Two empty answers, one
// after the other, go back with errNo: the next command must not be taken as a secret.
func (c *conversation) askCredential(ctx context.Context, sel vault.Selector) (kite.Credential, error) {
	empty := false
	return prompt.Questions{
		Hidden: func(ctx context.Context, what string) (kite.Secret, error) {
			answer, err := c.wait(ctx, what+" of "+speak(sel)+", not shown: ", prompt.Text)
			again := empty
			empty = err == nil && answer.IsZero()
			switch {
			case empty && again:
				return kite.Secret{}, errNo
			case empty:
				c.say("Another empty line goes back.")
			}
			return answer, err
		},
		Say: func(text string) { c.say("%s", words.Sentence(text)) },
		Yes: c.yes,
	}.Credential(ctx, sel)
}

// confirm asks for a live profile's name before an action on it.
func (c *conversation) confirm(ctx context.Context, do handout.Action, profiles ...vault.Selector) error {
	return c.tokens.Guard.Confirm(ctx, do, func(ctx context.Context, q handout.Question) (string, error) {
		return c.ask(ctx, "LIVE: real keys, real money. To "+q.Does()+", type "+q.Name+": ")
	}, profiles...)
}
