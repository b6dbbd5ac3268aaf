package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kitekey/kite"
	"kitekey/ui/words"
	"kitekey/vault"
)

// caFile is the file in the data folder with the CA from "kitekey network ca".
const caFile = "ca.pem"

// maxCAFile limits a CA file, in bytes.
const maxCAFile = 1 << 20

type networkOptions struct {
	json bool
}

func newNetwork(a *app, run func(context.Context, networkOptions) error, runCA func(context.Context, networkCAOptions) error) *cobra.Command {
	var o networkOptions
	cmd := &cobra.Command{
		Use:   "network [ca FILE]",
		Short: "Show how kitekey reaches the gateways: overrides, proxy, CA",
		Long: `Show where each environment's requests go, which proxy they take and which variable
it comes from, and which CA is trusted besides the system's. Nothing is sent.

kitekey does not use SSL_CERT_FILE and SSL_CERT_DIR itself: with them, another program
could read credentials on their way. The command that exec starts gets them. It uses
HTTPS_PROXY and not ALL_PROXY. If your company's proxy inspects TLS, adopt its CA with
"kitekey network ca".`,
		Example: `  kitekey network
  kitekey network --json | jq .gateways
  kitekey network ca company-ca.pem
  kitekey network ca --none`,
		Args:              argCount(0, 0, "no arguments"),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return run(cmd.Context(), o) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print JSON")
	cmd.AddCommand(newNetworkCA(runCA))
	return cmd
}

func (a *app) runNetwork(_ context.Context, o networkOptions) error {
	report, err := a.network()
	if err != nil {
		return err
	}
	if o.json {
		return a.printJSON(report)
	}
	var rows [][]string
	for _, g := range report.Gateways {
		where := g.BaseURL
		if g.OverrideVariable != nil {
			where += " (override, " + *g.OverrideVariable + ")"
		}
		rows = append(rows, []string{g.Environment, where})
	}
	rows = append(rows, []string{"proxy", report.proxyText()})
	if report.CA == nil {
		rows = append(rows, []string{"CA", "the system's"})
	} else {
		for _, c := range report.CA.Certificates {
			rows = append(rows, []string{"CA", "the system's, and " + c.text()})
		}
	}
	if len(report.IgnoredVariables) > 0 {
		rows = append(rows, []string{"not used", strings.Join(report.IgnoredVariables, ", ")})
	}
	return a.print("%s\n", table(rows))
}

// networkJSON is the output of network.
type networkJSON struct {
	Gateways         []gatewayJSON `json:"gateways"`
	Proxy            *proxyJSON    `json:"proxy"`
	CA               *caJSON       `json:"ca"`
	IgnoredVariables []string      `json:"ignored_variables"`
}

type gatewayJSON struct {
	Environment      string      `json:"environment"`
	BaseURL          string      `json:"base_url"`
	Origin           kite.Origin `json:"origin"`
	OverrideVariable *string     `json:"override_variable"`
}

type proxyJSON struct {
	Address  *string `json:"address"` // null if the variable has none
	Variable string  `json:"variable"`
	Problem  *string `json:"problem"`
}

type caJSON struct {
	File         string            `json:"file"`
	Certificates []certificateJSON `json:"certificates"`
}

type certificateJSON struct {
	Subject   string    `json:"subject"`
	SHA256    string    `json:"sha256"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (c certificateJSON) text() string {
	return fmt.Sprintf("%s, until %s, SHA-256 %s", c.Subject, c.ExpiresAt.Format(time.DateOnly), c.SHA256)
}

// network returns how the gateways are reached.
func (a *app) network() (networkJSON, error) {
	urls, err := a.overrides()
	if err != nil {
		return networkJSON{}, err
	}
	out := networkJSON{IgnoredVariables: []string{}}
	clients := a.gateways(urls)
	for _, env := range kite.Environments {
		client := clients(env)
		g := gatewayJSON{Environment: string(env), BaseURL: a.baseURL(env), Origin: client.Origin()}
		if g.Origin == kite.OriginOverride {
			g.OverrideVariable = orNull(overrideVariable(env))
		}
		out.Gateways = append(out.Gateways, g)
		// An override is on this machine and uses no proxy.
		if proxy := client.Proxy(); proxy != nil && out.Proxy == nil {
			out.Proxy = &proxyJSON{Address: orNull(proxy.Addr), Variable: proxy.Variable}
			if proxy.Err != nil {
				out.Proxy.Problem = orNull(proxy.Err.Error())
			}
		}
	}
	if out.CA, err = a.adoptedCA(); err != nil {
		return networkJSON{}, err
	}
	for _, name := range append(kite.CertVariables(), "ALL_PROXY", "all_proxy") {
		if a.getenv(name) != "" {
			out.IgnoredVariables = append(out.IgnoredVariables, name)
		}
	}
	return out, nil
}

func (n networkJSON) proxyText() string {
	switch {
	case n.Proxy == nil:
		return "none"
	case n.Proxy.Problem != nil:
		return *n.Proxy.Problem
	}
	return *n.Proxy.Address + " (" + n.Proxy.Variable + ")"
}

// caPath returns the path of the adopted CA, even if there is none.
func (a *app) caPath() (string, error) {
	dir, err := a.home()
	return filepath.Join(dir, caFile), err
}

// vetAdoptedCA fails if another user can change the adopted CA, or may have put it into
// the data folder while that was open to others. Root may use the files of any user.
func (a *app) vetAdoptedCA() error {
	path, err := a.caPath()
	if err != nil {
		return nil // without a data folder there is none
	}
	info, err := os.Stat(path)
	if err != nil || os.Geteuid() == 0 && !openToAll(info) {
		return nil // reading it gives the error
	}
	if err := changeable(info); err != nil {
		return usagef("the adopted CA in %s is not trusted: %w; compare it with what your company publishes, or run \"kitekey network ca --none\"", path, err)
	}
	return nil
}

// adoptedCA reads the adopted CA, nil if there is none.
func (a *app) adoptedCA() (*caJSON, error) {
	path, err := a.caPath()
	if err == nil {
		err = a.vetAdoptedCA()
	}
	if err != nil {
		return nil, err
	}
	data, err := kite.ReadCA(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the adopted CA: %w", err)
	}
	certificates, err := parseCA(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := &caJSON{File: path}
	for _, c := range certificates {
		out.Certificates = append(out.Certificates, describeCA(c))
	}
	return out, nil
}

func describeCA(c *x509.Certificate) certificateJSON {
	return certificateJSON{Subject: kite.CleanText(c.Subject.String()), SHA256: fingerprint(c.Raw), ExpiresAt: c.NotAfter.UTC()}
}

// fingerprint returns a certificate's SHA-256 in the form of browsers and openssl:
// pairs of hexadecimal digits.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":")
}

type networkCAOptions struct {
	file string // "" if none is given
	none bool
	json bool
}

func newNetworkCA(run func(context.Context, networkCAOptions) error) *cobra.Command {
	var o networkCAOptions
	cmd := &cobra.Command{
		Use:   "ca FILE",
		Short: "Trust a company's CA besides the system's",
		Long: `Trust the CA certificates in FILE (PEM or DER) for kitekey's own connections, beside
the system's. They are copied into the data folder and their fingerprints are shown:
compare them with what your company publishes. Anyone who holds such a CA's
key can read credentials and tokens on their way to Kitegateway.

--none stops trusting them.`,
		Example: `  kitekey network ca company-ca.pem
  kitekey network ca --none`,
		Args: func(cmd *cobra.Command, args []string) error {
			if none, _ := cmd.Flags().GetBool("none"); none {
				return argCount(0, 0, "no file with --none")(cmd, args)
			}
			return argCount(1, 1, "one file, or --none")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				o.file = args[0]
			}
			return run(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.none, "none", false, "trust the system's CAs only")
	cmd.Flags().BoolVar(&o.json, "json", false, "print what is trusted now as JSON")
	return cmd
}

func (a *app) runNetworkCA(ctx context.Context, o networkCAOptions) error {
	path, err := a.caPath()
	if err != nil {
		return err
	}
	if o.none {
		err := os.Remove(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("stop trusting the CA: %w", err)
		}
		a.note("kitekey trusts the system's CAs only")
		return a.printCA(o.json)
	}
	data, err := readFile(ctx, o.file, maxCAFile)
	if err != nil {
		return usagef("cannot read %s: %w", o.file, pathCause(err))
	}
	certificates, err := parseCA(data)
	if err != nil {
		return usagef("%s %w", o.file, err)
	}
	var out bytes.Buffer
	for _, c := range certificates {
		switch {
		case !c.IsCA:
			return usagef("%s: %s is not a CA's certificate", o.file, kite.CleanText(c.Subject.String()))
		case c.NotAfter.Before(a.Now()):
			return usagef("%s: %s expired on %s", o.file, kite.CleanText(c.Subject.String()), c.NotAfter.UTC().Format(time.DateOnly))
		}
		// Only certificates: a private key in the file is not copied.
		_ = pem.Encode(&out, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	if err := writePrivate(path, out.Bytes()); err != nil {
		return fmt.Errorf("keep the CA: %w", err)
	}
	for _, c := range certificates {
		a.note("trusted from now on: %s", describeCA(c).text())
	}
	return a.printCA(o.json)
}

func (a *app) printCA(asJSON bool) error {
	if !asJSON {
		return nil
	}
	ca, err := a.adoptedCA()
	if err != nil {
		return err
	}
	return a.printJSON(struct {
		CA *caJSON `json:"ca"`
	}{ca})
}

// parseCA reads certificates in PEM or DER.
func parseCA(data []byte) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	rest := data
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("has a certificate that cannot be read: %w", err)
		}
		out = append(out, c)
	}
	if len(out) > 0 {
		return out, nil
	}
	if c, err := x509.ParseCertificate(data); err == nil {
		return []*x509.Certificate{c}, nil
	}
	return nil, errors.New("holds no certificate in PEM or DER")
}

// writePrivate replaces a file of the data folder atomically.
func writePrivate(path string, data []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.tmp") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// checkNetwork is doctor's check of the way to the gateways. Overrides, a proxy and
// a CA are intentional, so they are ok, but always shown.
func (a *app) checkNetwork() []finding {
	report, err := a.network()
	if err != nil {
		return []finding{{Check: "network", Severity: vault.SeverityProblem, Text: err.Error(),
			Fix: `adopt the CA again with "kitekey network ca FILE", or stop trusting it with "kitekey network ca --none"`}}
	}
	var found []finding
	urls, _ := a.overrides()
	for _, o := range overrideWords(urls) {
		found = append(found, finding{Check: "overrides", Severity: vault.SeverityOK, Text: "in force: " + o.String()})
	}
	if len(found) == 0 {
		found = append(found, finding{Check: "overrides", Severity: vault.SeverityOK, Text: "none"})
	}
	proxy := finding{Check: "proxy", Severity: vault.SeverityOK, Text: words.Line(report.proxyText())}
	if report.Proxy != nil && report.Proxy.Problem != nil {
		proxy.Severity, proxy.Fix = vault.SeverityProblem, "correct "+report.Proxy.Variable+", or unset it"
	}
	found = append(found, proxy)
	ca := finding{Check: "CA", Severity: vault.SeverityOK, Text: "the system's"}
	if report.CA != nil {
		for _, c := range report.CA.Certificates {
			ca.Text += ", and " + c.text()
			if c.ExpiresAt.Before(a.Now()) {
				ca.Severity, ca.Fix = vault.SeverityWarning, `it has expired: adopt its successor with "kitekey network ca FILE"`
			}
		}
	}
	if len(report.IgnoredVariables) > 0 {
		ca.Text += "; " + strings.Join(report.IgnoredVariables, " and ") + " not used"
	}
	return append(found, ca)
}
