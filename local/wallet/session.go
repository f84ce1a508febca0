package main

import (
	"errors"

	irma "github.com/privacybydesign/irmago"
	"github.com/privacybydesign/irmago/irmaclient"
)

// session plays the citizen in one IRMA session: it gives permission, or declines.
type session struct {
	client  *irmaclient.Client
	command command
	answer  answer
	say     func(answer)
	done    chan answer
}

func (s *session) end(outcome, err string) {
	s.answer.Outcome, s.answer.Error = outcome, err
	if outcome != "success" {
		// The app dials nothing after a refusal.
		s.answer.ClientReturnURL = ""
	}
	s.done <- s.answer
}

func (s *session) Success(string)                              { s.end("success", "") }
func (s *session) Cancelled()                                  { s.end("declined", "") }
func (s *session) Failure(err *irma.SessionError)              { s.end("failure", err.Error()) }
func (s *session) StatusUpdate(irma.Action, irma.ClientStatus) {}
func (s *session) ClientReturnURLSet(url string)               { s.answer.ClientReturnURL = url }

type candidates = [][]irmaclient.DisclosureCandidates

func (s *session) RequestVerificationPermission(_ *irma.DisclosureRequest, satisfiable bool, c candidates, _ *irma.RequestorInfo, permit irmaclient.PermissionHandler) {
	s.choose(satisfiable, c, permit)
}

func (s *session) RequestIssuancePermission(_ *irma.IssuanceRequest, satisfiable bool, c candidates, _ *irma.RequestorInfo, permit irmaclient.PermissionHandler) {
	s.choose(satisfiable, c, permit)
}

func (s *session) RequestSignaturePermission(_ *irma.SignatureRequest, satisfiable bool, c candidates, _ *irma.RequestorInfo, permit irmaclient.PermissionHandler) {
	s.choose(satisfiable, c, permit)
}

// choose takes, of each disjunction, the first option that the wallet can satisfy. A disjunction with an empty option is
// optional: nothing is disclosed for it when told so, or when the wallet can satisfy no other option.
func (s *session) choose(satisfiable bool, disjunctions candidates, permit irmaclient.PermissionHandler) {
	if s.command.Decline {
		permit(false, nil)
		return
	}
	if !satisfiable {
		s.end("failure", "the wallet does not hold what is asked")
		permit(false, nil)
		return
	}
	choice := &irma.DisclosureChoice{}
	for _, options := range disjunctions {
		choice.Attributes = append(choice.Attributes, s.option(options))
	}
	if len(s.command.Add) > 0 {
		added, err := s.held(s.command.Add)
		if err != nil {
			s.end("failure", err.Error())
			permit(false, nil)
			return
		}
		choice.Attributes = append(choice.Attributes, added)
	}
	permit(true, choice)
}

// held finds the attributes of these types in the wallet.
func (s *session) held(types []string) ([]*irma.AttributeIdentifier, error) {
	var found []*irma.AttributeIdentifier
	for _, name := range types {
		wanted := irma.NewAttributeTypeIdentifier(name)
		for _, credential := range s.client.CredentialInfoList() {
			if _, held := credential.Attributes[wanted]; held {
				found = append(found, &irma.AttributeIdentifier{Type: wanted, CredentialHash: credential.Hash})
				break
			}
		}
	}
	if len(found) != len(types) {
		return nil, errors.New("the wallet does not hold what it is to add")
	}
	return found, nil
}

func (s *session) option(options []irmaclient.DisclosureCandidates) []*irma.AttributeIdentifier {
	nothing := []*irma.AttributeIdentifier{}
	var held []*irma.AttributeIdentifier
	for _, option := range options {
		if len(option) == 0 && s.command.OmitOptional {
			return nothing
		}
		if chosen, err := option.Choose(); err == nil && len(chosen) > 0 && held == nil {
			held = chosen
		}
	}
	if held == nil {
		return nothing
	}
	return held
}

// PairingRequired is called when the page asks whether the wallet that scanned is the citizen's: they type the code that
// the wallet shows on the page, and the session goes on.
func (s *session) PairingRequired(code string) { s.say(answer{Outcome: "pairing", PairingCode: code}) }

// What follows belongs to schemes with a keyshare server, which the demo scheme does without.

func (s *session) RequestPin(int, irmaclient.PinHandler)             { s.end("failure", "PIN asked") }
func (s *session) KeyshareBlocked(irma.SchemeManagerIdentifier, int) { s.end("failure", "keyshare") }
func (s *session) KeyshareEnrollmentIncomplete(irma.SchemeManagerIdentifier) {
	s.end("failure", "keyshare")
}
func (s *session) KeyshareEnrollmentMissing(irma.SchemeManagerIdentifier) {
	s.end("failure", "keyshare")
}
func (s *session) KeyshareEnrollmentDeleted(irma.SchemeManagerIdentifier) {
	s.end("failure", "keyshare")
}

// events takes what the client reports outside of sessions; a scripted wallet has no use for it.
type events struct{}

func (events) EnrollmentFailure(irma.SchemeManagerIdentifier, error) {}
func (events) EnrollmentSuccess(irma.SchemeManagerIdentifier)        {}
func (events) ChangePinFailure(irma.SchemeManagerIdentifier, error)  {}
func (events) ChangePinSuccess()                                     {}
func (events) ChangePinIncorrect(irma.SchemeManagerIdentifier, int)  {}
func (events) ChangePinBlocked(irma.SchemeManagerIdentifier, int)    {}
func (events) UpdateConfiguration(*irma.IrmaIdentifierSet)           {}
func (events) UpdateAttributes()                                     {}
func (events) Revoked(*irma.CredentialIdentifier)                    {}
func (events) ReportError(error)                                     {}
