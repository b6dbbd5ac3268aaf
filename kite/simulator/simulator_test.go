package simulator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"kitekey/kite"
	"kitekey/kite/simulator"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bench is a simulator without a listener, on the test's own clock.
type bench struct {
	*simulator.Simulator
	t   *testing.T
	now time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	b.Simulator = simulator.New(simulator.Options{Now: func() time.Time { return b.now }})
	return b
}

// reply is an envelope with its status and headers.
type reply struct {
	status int
	header http.Header
	body   string
	Code   json.RawMessage
	Status string
	Data   json.RawMessage
}

func (b *bench) do(method, path, body string, header ...string) reply {
	b.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	got := reply{status: w.Code, header: w.Header(), body: w.Body.String()}
	_ = json.Unmarshal(w.Body.Bytes(), &got) // a page is not JSON
	return got
}

// mint mints for acme and returns the token.
func (b *bench) mint(prefix, body string) (token string, expires int64) {
	b.t.Helper()
	env := "sandbox"
	if strings.HasPrefix(prefix, "/live") {
		env = "live"
	}
	got := b.do("POST", prefix+"/auth/token", body, "Secret-Key", "sim-secret-acme-"+env)
	var data struct {
		Token   string
		Expires int64
	}
	if err := json.Unmarshal(got.Data, &data); err != nil || got.status != 200 || string(got.Code) != "200" || got.Status != "success" {
		b.t.Fatalf("mint: %d %s", got.status, got.body)
	}
	return data.Token, data.Expires
}

func TestMint_KeepsToTheDocumentation(t *testing.T) {
	b := newBench(t)
	for body, life := range map[string]int64{
		`{"api_key":"sim-key-acme-sandbox"}`:                     900, // documented default
		`{"api_key":"sim-key-acme-sandbox","expires_in":300}`:    300,
		`{"api_key":"sim-key-acme-sandbox","expires_in":1}`:      1,
		`{"api_key":"sim-key-acme-sandbox","expires_in":100000}`: 100000,
	} {
		token, expires := b.mint("/v1", body)
		if !strings.HasPrefix(token, "JWT ey") || strings.Count(token, ".") != 2 || expires != b.now.Unix()+life {
			t.Errorf("%s gives %.10s… for %d s", body, token, expires-b.now.Unix())
		}
	}
	// Kitegateway's own plugin sends a form.
	form := b.do("POST", "/v1/auth/token", "api_key=sim-key-acme-sandbox&expires_in=60", "Secret-Key", "sim-secret-acme-sandbox", "Content-Type", "application/x-www-form-urlencoded")
	if form.status != 200 {
		t.Errorf("form: %d %s", form.status, form.body)
	}
	const secret = "sim-secret-acme-sandbox"
	for name, tt := range map[string]struct {
		body, secret string
		status       int
	}{
		"wrong key":             {`{"api_key":"unknown"}`, secret, 401},
		"wrong secret":          {`{"api_key":"sim-key-acme-sandbox"}`, "wrong", 401},
		"no secret":             {`{"api_key":"sim-key-acme-sandbox"}`, "", 401},
		"another's secret":      {`{"api_key":"sim-key-acme-sandbox"}`, "sim-secret-coral-sandbox", 401},
		"other environment":     {`{"api_key":"sim-key-acme-live"}`, "sim-secret-acme-live", 401},
		"no key":                {`{}`, secret, 400},
		"empty key":             {`{"api_key":""}`, secret, 400},
		"no JSON":               {`api_key=x`, secret, 400},
		"nothing":               {``, secret, 400},
		"expires_in zero":       {`{"api_key":"sim-key-acme-sandbox","expires_in":0}`, secret, 400},
		"expires_in negative":   {`{"api_key":"sim-key-acme-sandbox","expires_in":-5}`, secret, 400},
		"expires_in a fraction": {`{"api_key":"sim-key-acme-sandbox","expires_in":1.5}`, secret, 400},
		"expires_in text":       {`{"api_key":"sim-key-acme-sandbox","expires_in":"300"}`, secret, 400},
		"api_key a number":      {`{"api_key":7}`, secret, 400},
		"names in capitals":     {`{"API_KEY":"sim-key-acme-sandbox"}`, secret, 400},
		"two documents":         {`{"api_key":"sim-key-acme-sandbox"}{}`, secret, 400},
		"expires_in huge":       {`{"api_key":"sim-key-acme-sandbox","expires_in":99999999999}`, secret, 400},
	} {
		got := b.do("POST", "/v1/auth/token", tt.body, "Secret-Key", tt.secret)
		if got.status != tt.status || !strings.HasPrefix(string(got.Code), `"kitegateway_rest_`) || got.Status != "error" {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, tt.status)
		}
	}
	for _, kind := range []string{"", "text/plain", "multipart/form-data; boundary=x"} {
		got := b.do("POST", "/v1/auth/token", `{"api_key":"sim-key-acme-sandbox"}`, "Secret-Key", secret, "Content-Type", kind)
		if got.status != 400 || !strings.Contains(got.body, "Content-Type must be") {
			t.Errorf("Content-Type %q: %d %s", kind, got.status, got.body)
		}
	}
	if got := b.do("GET", "/v1/auth/token", ""); got.status != 404 {
		t.Errorf("GET of a mint: %d", got.status)
	}
}

func TestToken_IsAcceptedUntilItExpiresOrIsRevoked(t *testing.T) {
	b := newBench(t)
	const balances = "/v1/data/wallets/balances"
	token, _ := b.mint("/v1", `{"api_key":"sim-key-acme-sandbox","expires_in":60}`)
	live, _ := b.mint("/live/v1", `{"api_key":"sim-key-acme-live","expires_in":60}`)
	ask := func(path, token string) int { return b.do("GET", path, "", "Authorization", token).status }
	if ask(balances, token) != 200 || ask("/live"+balances, live) != 200 {
		t.Error("a good token is refused")
	}
	head, rest, _ := strings.Cut(token, ".")
	for name, bad := range map[string]string{
		"none": "", "bare": strings.TrimPrefix(token, "JWT "), "doubled": "JWT " + token, "bearer": "Bearer " + strings.TrimPrefix(token, "JWT "),
		"live's": live, "cut": token[:len(token)-3], "another's signature": head + "." + rest[:len(rest)-4] + "AAAA",
		"unsigned": "JWT eyJhbGciOiJub25lIn0.eyJzdWIiOiJhY21lIiwiZW52Ijoic2FuZGJveCIsImV4cCI6OTk5OTk5OTk5OX0.",
	} {
		if got := ask(balances, bad); got != 401 {
			t.Errorf("%s token: %d", name, got)
		}
	}
	b.now = b.now.Add(59 * time.Second)
	if ask(balances, token) != 200 {
		t.Error("dead before its time")
	}
	b.now = b.now.Add(time.Second)
	if got := b.do("GET", balances, "", "Authorization", token); got.status != 401 || !strings.Contains(got.body, "expired") {
		t.Errorf("accepted after its expiry: %d %s", got.status, got.body)
	}
	fresh, _ := b.mint("/v1", `{"api_key":"sim-key-acme-sandbox"}`)
	b.Revoke("acme", kite.Sandbox)
	if ask(balances, fresh) != 401 {
		t.Error("a revoked token is accepted")
	}
	if again, _ := b.mint("/v1", `{"api_key":"sim-key-acme-sandbox"}`); ask(balances, again) != 200 {
		t.Error("nothing is accepted after a revocation")
	}
}

func TestEndpoints_AnswerAsDocumented(t *testing.T) {
	b := newBench(t)
	token, _ := b.mint("/v1", `{"api_key":"sim-key-acme-sandbox"}`)
	ask := func(method, path, body string) reply { return b.do(method, "/v1"+path, body, "Authorization", token) }
	if got := ask("GET", "/data/wallets/balances", ""); string(got.Data) != `[{"currency":"UGX","balance":1290000},{"currency":"KES","balance":48200.50}]` {
		t.Errorf("balances %s", got.body)
	}
	if got := ask("GET", "/data/wallets/UGX/balance", ""); string(got.Data) != `{"currency":"UGX","balance":1290000}` {
		t.Errorf("balance %s", got.body)
	}
	paid := ask("POST", "/collections/request-to-pay", payRequest("amount", "500"))
	var data struct {
		Reference string `json:"kitegateway_reference"`
	}
	if err := json.Unmarshal(paid.Data, &data); err != nil || paid.status != 202 || string(paid.Code) != "202" || data.Reference == "" {
		t.Fatalf("request to pay: %d %s", paid.status, paid.body)
	}
	callback := "/transactions/send-callback/" + data.Reference
	if got := ask("GET", callback, ""); got.status != 200 || !strings.Contains(string(got.Data), `"amount":500`) {
		t.Errorf("callback: %d %s", got.status, got.body)
	}
	coral := b.do("POST", "/v1/auth/token", `{"api_key":"sim-key-coral-sandbox"}`, "Secret-Key", "sim-secret-coral-sandbox")
	var theirs struct{ Token string }
	_ = json.Unmarshal(coral.Data, &theirs)
	if got := b.do("GET", "/v1"+callback, "", "Authorization", theirs.Token); got.status != 404 {
		t.Errorf("another merchant's payment: %d", got.status)
	}
	for path, status := range map[string]int{
		"/data/wallets/XXX/balance": 404, "/transactions/send-callback/nothing": 404, "/no/such": 404, "/": 404,
		"//data/wallets/balances": 404, "/data/./wallets/balances": 404,
	} {
		if got := ask("GET", path, ""); got.status != status || got.Status != "error" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	for _, body := range []string{"", "[]", "null", "amount=1", `"x"`} {
		if got := ask("POST", "/collections/request-to-pay", body); got.status != 400 {
			t.Errorf("payment of %q: %d", body, got.status)
		}
	}
	if got := b.do("GET", "/elsewhere", ""); got.status != 404 || got.Status != "error" {
		t.Errorf("outside: %d %s", got.status, got.body)
	}
}

// payRequest returns a documented request to pay with some fields changed. changes
// are names, each followed by the JSON of its value, or "" to leave the field out.
func payRequest(changes ...string) string {
	fields := map[string]json.RawMessage{
		"currency": []byte(`"UGX"`), "amount": []byte("500.10"), "payment_method": []byte(`"MOBILE_MONEY"`),
		"account_number": []byte(`"256700000000"`), "merchant_reference": []byte(`"0b3c7a52-9d4e-4f6a-8b1c-2d3e4f5a6b7c"`),
		"narration": []byte(`"Order 7"`),
	}
	for i := 0; i < len(changes); i += 2 {
		if delete(fields, changes[i]); changes[i+1] != "" {
			fields[changes[i]] = []byte(changes[i+1])
		}
	}
	body, _ := json.Marshal(fields)
	return string(body)
}

func TestRequestToPay_RefusesWhatIsNotDocumented(t *testing.T) {
	b := newBench(t)
	token, _ := b.mint("/v1", `{"api_key":"sim-key-acme-sandbox"}`)
	for _, tt := range []struct {
		changes []string
		words   string // "" = accepted
	}{
		{[]string{"amount", "1"}, ""},
		{[]string{"amount", ""}, "amount is required"},
		{[]string{"amount", `"500"`}, "amount must be"},
		{[]string{"amount", "0"}, "amount must be"},
		{[]string{"amount", "0.00"}, "amount must be"},
		{[]string{"amount", "-5"}, "amount must be"},
		{[]string{"amount", "1.005"}, "amount must be"},
		{[]string{"amount", "1e3"}, "amount must be"},
		{[]string{"currency", ""}, "currency is required"},
		{[]string{"currency", `"shillings"`}, "currency must be"},
		{[]string{"currency", "7"}, "currency must be a string"},
		{[]string{"currency", "", "Currency", `"UGX"`}, "currency is required"},
		{[]string{"payment_method", ""}, "payment_method is required"},
		{[]string{"payment_method", `"CASH"`}, "payment_method must be"},
		{[]string{"account_number", ""}, "account_number is required"},
		{[]string{"account_number", `"+256700000000"`}, "account_number must be"},
		{[]string{"account_number", `"0700000000"`}, "account_number must be"},
		{[]string{"merchant_reference", ""}, "merchant_reference is required"},
		{[]string{"merchant_reference", `"order-7"`}, "merchant_reference must be"},
		{[]string{"merchant_reference", `"0b3c7a52-9d4e-1f6a-8b1c-2d3e4f5a6b7c"`}, "merchant_reference must be"},
		{[]string{"narration", ""}, "narration is required"},
		{[]string{"narration", `" "`}, "narration is required"},
		{[]string{"narration", `"` + strings.Repeat("ü", 65) + `"`}, "narration must have"},
		{[]string{"narration", `"` + strings.Repeat("ü", 64) + `"`, "merchant_reference", `"1b3c7a52-9d4e-4f6a-8b1c-2d3e4f5a6b7c"`}, ""},
		{[]string{"payment_method", `"BANK"`}, "redirect_url is required"},
		{[]string{"payment_method", `"CARD"`, "account_number", "", "redirect_url", `"https://shop.example/back"`}, "account_name is required"},
		{[]string{"payment_method", `"CARD"`, "account_number", "", "redirect_url", `"https://shop.example/back"`, "account_name", `"A B"`,
			"account_email", `"a@b.example"`, "merchant_reference", `"2b3c7a52-9d4e-4f6a-8b1c-2d3e4f5a6b7c"`}, ""},
	} {
		got := b.do("POST", "/v1/collections/request-to-pay", payRequest(tt.changes...), "Authorization", token)
		switch {
		case tt.words == "" && got.status != 202:
			t.Errorf("%v: %d %s", tt.changes, got.status, got.body)
		case tt.words != "" && (got.status != 400 || got.Status != "error" || !strings.Contains(got.body, tt.words)):
			t.Errorf("%v: %d %s, want 400 with %q", tt.changes, got.status, got.body, tt.words)
		}
	}
}

func TestRequestToPay_TellsReferenceUsedTwice(t *testing.T) {
	b := newBench(t)
	token, _ := b.mint("/v1", `{"api_key":"sim-key-acme-sandbox"}`)
	pay := func() reply {
		return b.do("POST", "/v1/collections/request-to-pay", payRequest(), "Authorization", token)
	}
	var first, second struct {
		Reference string `json:"kitegateway_reference"`
	}
	_ = json.Unmarshal(pay().Data, &first)
	again := pay()
	_ = json.Unmarshal(again.Data, &second)
	if again.status != 400 || !strings.Contains(again.body, "has been used before") || first.Reference == "" || second != first {
		t.Errorf("the second time: %d %s, want 400 that names %s", again.status, again.body, first.Reference)
	}
}

func TestBehavior_FailsAsToldForItsAccount(t *testing.T) {
	b := newBench(t)
	mint := func() reply {
		return b.do("POST", "/v1/auth/token", `{"api_key":"sim-key-acme-sandbox","expires_in":300}`, "Secret-Key", "sim-secret-acme-sandbox")
	}
	for failure, want := range map[simulator.Failure]struct {
		status int
		kind   string
	}{
		simulator.InternalError: {500, "application/json"}, simulator.BadGateway: {502, "text/html"}, simulator.Unavailable: {503, "text/html"},
		simulator.HTMLPage: {200, "text/html"}, simulator.Forbidden: {403, "text/html"}, simulator.ErrorInSuccess: {200, "application/json"}, simulator.Redirect: {302, "text/html"},
	} {
		b.Set("acme", kite.Sandbox, simulator.Behavior{Failure: failure, RedirectTo: "http://elsewhere.example/", RetryAfter: 2 * time.Second})
		got := mint()
		if got.status != want.status || !strings.HasPrefix(got.header.Get("Content-Type"), want.kind) {
			t.Errorf("%s: %d %s", failure, got.status, got.header)
		}
	}
	b.Set("acme", kite.Sandbox, simulator.Behavior{Failure: simulator.InternalError, Failures: 2})
	if a, b, c := mint().status, mint().status, mint().status; a != 500 || b != 500 || c != 200 {
		t.Errorf("two failures: %d %d %d", a, b, c)
	}
	b.Set("acme", kite.Sandbox, simulator.Behavior{Refuse: true})
	if got := mint(); got.status != 401 {
		t.Errorf("refused: %d", got.status)
	}
	if got := b.do("POST", "/v1/auth/token", `{"api_key":"sim-key-coral-sandbox"}`, "Secret-Key", "sim-secret-coral-sandbox"); got.status != 200 {
		t.Errorf("another merchant is treated so too: %d", got.status)
	}
	b.Set("", kite.Sandbox, simulator.Behavior{Failure: simulator.InternalError})
	if got := b.do("POST", "/v1/auth/token", `{"api_key":"sim-key-coral-sandbox"}`, "Secret-Key", "sim-secret-coral-sandbox"); got.status != 500 {
		t.Errorf("the environment's behavior: %d", got.status)
	}
	if got := mint(); got.status != 401 {
		t.Errorf("behavior of one's own come first: %d", got.status)
	}
	b.Set("acme", kite.Sandbox, simulator.Behavior{MaxLife: time.Minute, Skew: time.Hour})
	if _, expires := b.mint("/v1", `{"api_key":"sim-key-acme-sandbox","expires_in":300}`); expires != b.now.Add(time.Hour+time.Minute).Unix() {
		t.Errorf("expires %v", time.Unix(expires, 0))
	}
	if got, want := mint().header.Get("Date"), b.now.Add(time.Hour).Format(http.TimeFormat); got != want {
		t.Errorf("Date %s, want %s", got, want)
	}
}

func TestRateLimit_TellsHowLongToWait(t *testing.T) {
	b := newBench(t)
	b.Set("acme", kite.Sandbox, simulator.Behavior{Limit: 2, Window: 10 * time.Second})
	mint := func() reply {
		return b.do("POST", "/v1/auth/token", `{"api_key":"sim-key-acme-sandbox"}`, "Secret-Key", "sim-secret-acme-sandbox")
	}
	mint()
	b.now = b.now.Add(3500 * time.Millisecond)
	mint()
	got := mint()
	if got.status != 429 || got.header.Get("Retry-After") != "7" { // 6.5 s, rounded up
		t.Errorf("%d, Retry-After %s", got.status, got.header.Get("Retry-After"))
	}
	b.now = b.now.Add(7 * time.Second)
	if got := mint(); got.status != 200 {
		t.Errorf("a new window: %d", got.status)
	}
	b.Set("acme", kite.Sandbox, simulator.Behavior{Limit: -1, RetryAfter: time.Minute, RetryAfterDate: true})
	if got, want := mint().header.Get("Retry-After"), b.now.Add(time.Minute).Format(http.TimeFormat); got != want {
		t.Errorf("Retry-After %s, want %s", got, want)
	}
}

func TestStart_ListensOnLoopbackOnceOnly(t *testing.T) {
	s := simulator.New(simulator.Options{})
	for _, addr := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.com:0", "127.0.0.1", "nonsense", ""} {
		if err := s.Start(addr); err == nil {
			t.Errorf("listens on %q", addr)
		}
	}
	if err := s.Start("localhost:0"); err != nil {
		t.Fatal(err)
	}
	if err := s.Start("127.0.0.1:0"); err == nil {
		t.Error("starts twice")
	}
	other := simulator.New(simulator.Options{})
	if err := other.Start(s.Addr()); err == nil || !strings.Contains(err.Error(), "cannot listen on "+s.Addr()) {
		t.Errorf("a taken port: %v", err)
	}
	other.Close()
	s.Close()
	s.Close()
}

// Some failures need a real connection. The test checks what the client makes of
// them.
func TestBehavior_FailsConnectionsAsTold(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for slow replies")
	}
	var mu sync.Mutex
	var records []simulator.Record
	s := simulator.New(simulator.Options{Log: func(r simulator.Record) {
		mu.Lock()
		defer mu.Unlock()
		records = append(records, r)
	}})
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c := &kite.Client{BaseURL: s.BaseURL(kite.Sandbox)}
	defer c.CloseIdleConnections()
	hasty := &kite.Client{BaseURL: s.BaseURL(kite.Sandbox), Timeout: time.Second, MaxElapsedTime: time.Second}
	defer hasty.CloseIdleConnections()
	cred, ok := s.Credential("acme", kite.Sandbox)
	if !ok {
		t.Fatal("no acme")
	}
	if _, err := c.Mint(t.Context(), cred, 60); err != nil {
		t.Fatal(err)
	}
	for failure, want := range map[simulator.Failure]struct {
		client *kite.Client
		kind   error
	}{
		simulator.Endless: {c, kite.ErrUnexpectedReply}, simulator.Drop: {c, kite.ErrUnreachable},
		simulator.SlowBody: {hasty, kite.ErrUnreachable}, simulator.Hang: {hasty, kite.ErrUnreachable},
	} {
		s.Set("acme", kite.Sandbox, simulator.Behavior{Failure: failure})
		if _, err := want.client.Mint(t.Context(), cred, 60); !errors.Is(err, want.kind) {
			t.Errorf("%s: %v", failure, err)
		}
	}
	s.Set("acme", kite.Sandbox, simulator.Behavior{Latency: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Mint(ctx, cred, 60); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	total, acme := s.Count(), s.CountOf("acme", kite.Sandbox)
	if total.Mints != 1 || acme.Mints != 1 || acme.Requests < 5 || total != acme {
		t.Errorf("counted %+v in all, %+v for acme", total, acme)
	}
	mu.Lock()
	defer mu.Unlock()
	if text := fmt.Sprintf("%+v", records); strings.Contains(text, "sim-secret") || !strings.Contains(text, "/v1/auth/token") {
		t.Errorf("the log: %s", text)
	}
}

// Nothing that the simulator was doing outlives it.
func TestClose_EndsRequestsUnderWay(t *testing.T) {
	s := simulator.New(simulator.Options{})
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.Set("", kite.Sandbox, simulator.Behavior{Failure: simulator.Hang})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	done := make(chan error, 1)
	go func() {
		resp, err := client.PostForm(s.BaseURL(kite.Sandbox)+"/auth/token", url.Values{})
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
		}
		done <- err
	}()
	for s.Count().Requests == 0 {
		select {
		case err := <-done:
			t.Fatalf("answered: %v", err)
		case <-t.Context().Done():
			t.Fatal("never arrived")
		default:
			time.Sleep(time.Millisecond)
		}
	}
	s.Close()
	if err := <-done; err == nil {
		t.Error("an answer after all")
	}
}
