// Command wallet is a scripted stand-in for the citizen's Yivi app, built on the IRMA project's own client library.
//
// It prints {"outcome":"ready"} once it can be used. Then each line on standard input is one session to perform, and
// each is answered by one line on standard output:
//
//	→ {"pointer": {"u": …, "irmaqr": …}, "decline": false, "omitOptional": false, "add": []}
//	← {"outcome": "success" | "declined" | "failure", "clientReturnUrl": …, "error": …}
//
// with, before that answer, {"outcome": "pairing", "pairingCode": …} if the page wants to see the wallet's code.
//
// What "add" names, the wallet discloses although nobody asks for it: the client library does not mind, and someone's own
// wallet need not either.
//
// It ends with its standard input.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"encoding/json"
	"flag"
	"log"
	"os"

	"github.com/privacybydesign/gabi/signed"
	"github.com/privacybydesign/irmago/irmaclient"
)

type command struct {
	Pointer      json.RawMessage `json:"pointer"`
	Decline      bool            `json:"decline"`
	OmitOptional bool            `json:"omitOptional"`
	Add          []string        `json:"add"`
}

type answer struct {
	Outcome         string `json:"outcome"`
	ClientReturnURL string `json:"clientReturnUrl,omitempty"`
	PairingCode     string `json:"pairingCode,omitempty"`
	Error           string `json:"error,omitempty"`
}

func main() {
	storage := flag.String("storage", "", "folder of this wallet, which must exist")
	schemes := flag.String("schemes", "", "folder with the schemes the wallet knows")
	flag.Parse()
	log.SetFlags(0)

	client, err := open(*storage, *schemes)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	answers := json.NewEncoder(os.Stdout)
	say := func(a answer) {
		if err := answers.Encode(a); err != nil {
			log.Fatal(err)
		}
	}
	say(answer{Outcome: "ready"})
	for c := range commands() {
		s := &session{client: client, command: c, say: say, done: make(chan answer, 1)}
		client.NewSession(string(c.Pointer), s)
		say(<-s.done)
	}
}

// commands reads standard input apart from the sessions, so that the program also ends when its input does while a
// session waits for an IRMA server.
func commands() <-chan command {
	out := make(chan command)
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			var c command
			if err := json.Unmarshal(lines.Bytes(), &c); err != nil {
				log.Fatal(err)
			}
			out <- c
		}
		os.Exit(0)
	}()
	return out
}

func open(storage, schemes string) (*irmaclient.Client, error) {
	key, err := signed.GenerateKey()
	if err != nil {
		return nil, err
	}
	// Storage is thrown away after the run: a fixed key protects nothing less.
	client, err := irmaclient.New(storage, schemes, events{}, signer{key}, [32]byte{1})
	if err != nil {
		return nil, err
	}
	// Developer mode, as in the app, allows an IRMA server without TLS.
	client.SetPreferences(irmaclient.Preferences{DeveloperMode: true})
	return client, nil
}

// signer stands in for the phone's secure element.
type signer struct{ key *ecdsa.PrivateKey }

func (s signer) PublicKey(string) ([]byte, error) { return signed.MarshalPublicKey(&s.key.PublicKey) }
func (s signer) Sign(_ string, message []byte) ([]byte, error) {
	return signed.Sign(s.key, message)
}
