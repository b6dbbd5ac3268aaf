package secretservice

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"sync"
)

// Algorithm is the only session algorithm that this package speaks. The other one
// in the specification is "plain", which shows every secret in a trace of the bus.
const Algorithm = "dh-ietf1024-sha256-aes128-cbc-pkcs7"

// group is the Second Oakley Group of RFC 2409, section 6.2, with 2 as its
// generator.
var group = sync.OnceValue(func() *big.Int {
	p, _ := new(big.Int).SetString("FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"+
		"020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245"+
		"E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE6"+
		"49286651ECE65381FFFFFFFFFFFFFFFF", 16)
	return p
})

const (
	groupBytes   = 128
	privateBytes = 24 // this group has a strength of 80 bits, for which 160 are enough; more would only be slower
)

// Keys are one side's private and public key.
type Keys struct{ private, public *big.Int }

// NewKeys returns new keys. The public key begins with neither 0x00 nor 0xff:
// KWallet reads it as a signed number and would lose that byte.
func NewKeys() Keys {
	for {
		raw := make([]byte, privateBytes)
		_, _ = rand.Read(raw) // never fails
		raw[0] |= 0x80
		private := new(big.Int).SetBytes(raw)
		k := Keys{private, new(big.Int).Exp(big.NewInt(2), private, group())}
		if first := k.Public()[0]; first != 0 && first != 0xff {
			return k
		}
	}
}

// Public returns the public key as it is sent.
func (k Keys) Public() []byte { return k.public.FillBytes(make([]byte, groupBytes)) }

// errAmbiguous means that the shared secret begins with a zero byte: some services
// leave that byte out when they derive the key, others do not.
var errAmbiguous = errors.New("the shared secret begins with a zero byte")

// Shared returns the AES key that both sides know. In one of 256 cases it fails
// with errAmbiguous, and other keys must be used.
func (k Keys) Shared(public []byte) ([]byte, error) {
	theirs := new(big.Int).SetBytes(public)
	if theirs.Cmp(big.NewInt(1)) <= 0 || theirs.Cmp(new(big.Int).Sub(group(), big.NewInt(1))) >= 0 {
		return nil, errors.New("the service's public key is out of bounds")
	}
	secret := new(big.Int).Exp(theirs, k.private, group()).FillBytes(make([]byte, groupBytes))
	if secret[0] == 0 {
		return nil, errAmbiguous
	}
	return hkdf.Key(sha256.New, secret, nil, "", 16)
}

// Encrypt returns the parameters and the value of a secret as they are sent.
func Encrypt(key, value []byte) (iv, wire []byte, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	iv = make([]byte, aes.BlockSize)
	_, _ = rand.Read(iv) // never fails
	pad := aes.BlockSize - len(value)%aes.BlockSize
	wire = make([]byte, len(value)+pad)
	copy(wire, value)
	for i := len(value); i < len(wire); i++ {
		wire[i] = byte(pad)
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(wire, wire)
	return iv, wire, nil
}

// Decrypt is the inverse of Encrypt. It decrypts in place: its result is a part of
// wire.
func Decrypt(key, iv, wire []byte) ([]byte, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	if len(iv) != aes.BlockSize || len(wire) == 0 || len(wire)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%w: %d bytes with %d bytes of parameters", errUndecipherable, len(wire), len(iv))
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(wire, wire)
	pad := int(wire[len(wire)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, errUndecipherable
	}
	for _, b := range wire[len(wire)-pad:] {
		if int(b) != pad {
			return nil, errUndecipherable
		}
	}
	return wire[:len(wire)-pad], nil
}

var errUndecipherable = errors.New("the service's secret cannot be decrypted")
