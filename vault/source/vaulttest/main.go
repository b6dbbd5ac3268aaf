// Command vaulttest is a HashiCorp Vault server for kitekey's tests: core, HTTP
// API, KV secrets engine (versions 1 and 2) and AppRole, in one process and
// without configuration.
//
// It is a module of its own, so that none of Vault's dependencies reaches
// kitekey's. Vault is under the Business Source License 1.1: this program is
// built for tests and not distributed.
//
//	vaulttest -dir FOLDER [-listen 127.0.0.1:0]
//
// The storage is in the folder and survives the process; the unseal key and the
// root token are beside it, which no real server does. Once the server answers,
// it prints its address and the root token as one line of JSON. It ends at the
// end of its standard input.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/go-hclog"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	"github.com/hashicorp/vault/builtin/credential/approle"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/file"
	"github.com/hashicorp/vault/vault"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("vaulttest: ")
	dir := flag.String("dir", "", "folder for the storage")
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on")
	flag.Parse()
	if *dir == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*dir, *listen); err != nil {
		log.Fatal(err)
	}
}

// keys is what unseals the storage, and who may do everything in it.
type keys struct {
	Unseal []byte `json:"unseal"`
	Root   string `json:"root"`
}

func run(dir, listen string) error {
	core, err := newCore(filepath.Join(dir, "storage"))
	if err != nil {
		return err
	}
	k, err := initialized(core, filepath.Join(dir, "keys.json"))
	if err != nil {
		return err
	}
	if open, err := core.Unseal(k.Unseal); err != nil || !open {
		return errors.Join(errors.New("not unsealed"), err)
	}
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: vaulthttp.Handler.Handler(&vault.HandlerProperties{
			Core: core, ListenerConfig: &configutil.Listener{Type: "tcp", Address: l.Addr().String()},
		}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		_ = server.Close()
	}()
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{
		"address": "http://" + l.Addr().String(), "root": k.Root,
	}); err != nil {
		return err
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return core.Shutdown()
}

func newCore(storage string) (*vault.Core, error) {
	logger := hclog.New(&hclog.LoggerOptions{Output: os.Stderr, Level: hclog.Error})
	physical, err := file.NewFileBackend(map[string]string{"path": storage}, logger)
	if err != nil {
		return nil, err
	}
	return vault.NewCore(&vault.CoreConfig{
		Physical:                 physical,
		DisableMlock:             true,
		Logger:                   logger,
		LogicalBackends:          map[string]logical.Factory{"kv": kv.Factory},
		CredentialBackends:       map[string]logical.Factory{"approle": approle.Factory},
		BuiltinRegistry:          registry{},
		DefaultLeaseTTL:          time.Hour,
		MaxLeaseTTL:              24 * time.Hour,
		DisableKeyEncodingChecks: true,
	})
}

// initialized initializes an empty storage and keeps its keys, or reads them.
func initialized(core *vault.Core, path string) (k keys, err error) {
	data, err := os.ReadFile(path)
	if err == nil {
		return k, json.Unmarshal(data, &k)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	one := &vault.SealConfig{SecretShares: 1, SecretThreshold: 1}
	made, err := core.Initialize(context.Background(), &vault.InitParams{BarrierConfig: one})
	if err != nil {
		return k, fmt.Errorf("initialize: %w", err)
	}
	k = keys{made.SecretShares[0], made.RootToken}
	if data, err = json.Marshal(k); err != nil {
		return k, err
	}
	return k, os.WriteFile(path, data, 0o600)
}

// registry says which plugins are built in: Vault mounts no others.
type registry struct{}

func (registry) Contains(name string, kind consts.PluginType) bool {
	return name == "kv" && kind == consts.PluginTypeSecrets || name == "approle" && kind == consts.PluginTypeCredential
}

func (r registry) Get(name string, kind consts.PluginType) (func() (any, error), bool) {
	if !r.Contains(name, kind) {
		return nil, false
	}
	return func() (any, error) { return nil, errors.New("built in") }, true
}

func (registry) Keys(kind consts.PluginType) []string {
	switch kind {
	case consts.PluginTypeSecrets:
		return []string{"kv"}
	case consts.PluginTypeCredential:
		return []string{"approle"}
	}
	return nil
}

func (registry) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}

func (registry) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }
