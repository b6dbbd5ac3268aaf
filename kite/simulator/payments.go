package simulator

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// payment is a request to pay that was accepted. It moves no money.
type payment struct {
	profile
	merchantReference string
	amount            json.Number
}

// payRequest is the documented body of a request to pay ("Collection Post
// Request" in Kitegateway's documentation).
type payRequest struct {
	Currency          string          `json:"currency"`
	Amount            json.RawMessage `json:"amount"`
	PaymentMethod     string          `json:"payment_method"`
	AccountNumber     string          `json:"account_number"`
	MerchantReference string          `json:"merchant_reference"`
	Narration         string          `json:"narration"`
	RedirectURL       string          `json:"redirect_url"`
	AccountName       string          `json:"account_name"`
	AccountEmail      string          `json:"account_email"`
}

var paymentMethods = []string{"MOBILE_MONEY", "CARD", "BANK", "CRYPTO"}

var (
	anAmount  = pattern(`^(0|[1-9][0-9]*)(\.[0-9]{1,2})?$`)
	aCurrency = pattern(`^[A-Z]{3}$`)
	anMSISDN  = pattern(`^[1-9][0-9]{8,14}$`)
	anEmail   = pattern(`^[^@\s]+@[^@\s]+$`)
	aUUID4    = pattern(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$`)
)

// pattern compiles expr at its first use: every start of kitekey would wait for it.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

const maxNarration = 64 // characters

// check returns what is wrong with the first field that the documentation does not
// allow, "" when the request is as documented.
func (p payRequest) check() string {
	card := p.PaymentMethod == "CARD"
	redirect, err := url.Parse(p.RedirectURL)
	aRedirect := err == nil && redirect.Host != "" && (redirect.Scheme == "https" || redirect.Scheme == "http")
	for _, rule := range []struct {
		broken bool
		words  string
	}{
		{p.Currency == "", "currency is required."},
		{!aCurrency().MatchString(p.Currency), "currency must be a code such as UGX."},
		{len(p.Amount) == 0 || string(p.Amount) == "null", "amount is required."},
		{!anAmount().Match(p.Amount) || strings.Trim(string(p.Amount), "0.") == "", "amount must be a positive number with at most two decimals."},
		{p.PaymentMethod == "", "payment_method is required."},
		{!slices.Contains(paymentMethods, p.PaymentMethod), "payment_method must be one of " + strings.Join(paymentMethods, ", ") + "."},
		{blank(p.AccountNumber) && !card, "account_number is required."},
		{p.PaymentMethod == "MOBILE_MONEY" && !anMSISDN().MatchString(p.AccountNumber), "account_number must be an international number without +."},
		{p.MerchantReference == "", "merchant_reference is required."},
		{!aUUID4().MatchString(p.MerchantReference), "merchant_reference must be a UUID 4 of 36 characters."},
		{blank(p.Narration), "narration is required."},
		{utf8.RuneCountInString(p.Narration) > maxNarration, fmt.Sprintf("narration must have at most %d characters.", maxNarration)},
		{p.PaymentMethod != "MOBILE_MONEY" && !aRedirect, "redirect_url is required for " + p.PaymentMethod + "."},
		{card && blank(p.AccountName), "account_name is required for CARD."},
		{card && !anEmail().MatchString(p.AccountEmail), "account_email is required for CARD."},
	} {
		if rule.broken {
			return rule.words
		}
	}
	return ""
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

func (s *Simulator) requestToPay(c *call) {
	if !s.authorized(c) {
		return
	}
	var fields payRequest
	if err := c.decode(&fields); err != nil {
		c.fail(http.StatusBadRequest, invalidRequest, err.Error())
		return
	}
	if wrong := fields.check(); wrong != "" {
		c.fail(http.StatusBadRequest, invalidRequest, wrong)
		return
	}
	reference := "sim-" + strings.ToLower(rand.Text())
	if first := s.accept(reference, payment{c.profile, strings.ToLower(fields.MerchantReference), json.Number(fields.Amount)}); first != reference {
		c.failWith(http.StatusBadRequest, "kitegateway_rest_duplicate_reference", "merchant_reference has been used before.",
			map[string]any{"kitegateway_reference": first})
		return
	}
	c.succeed(http.StatusAccepted, "Request to pay accepted", map[string]any{
		"kitegateway_reference": reference, "merchant_reference": fields.MerchantReference,
	})
}

// accept keeps a payment under reference, unless the merchant has used its
// merchant_reference before: then it returns the reference of that payment.
func (s *Simulator) accept(reference string, p payment) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	used := p.account + "/" + string(p.environment) + "/" + p.merchantReference
	if first, ok := s.references[used]; ok {
		return first
	}
	s.references[used] = reference
	s.payments[reference] = p
	return reference
}

func (s *Simulator) sendCallback(c *call) {
	if !s.authorized(c) {
		return
	}
	reference := c.r.PathValue("reference")
	s.mu.Lock()
	p, ok := s.payments[reference]
	s.mu.Unlock()
	if !ok || p.profile != c.profile {
		s.notFound(c)
		return
	}
	c.succeed(http.StatusOK, "Callback queued", map[string]any{
		"kitegateway_reference": reference, "merchant_reference": p.merchantReference, "status": "pending", "amount": p.amount,
	})
}
