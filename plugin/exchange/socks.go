package exchange

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// SOCKS 5 of RFC 1928 and RFC 1929.
const (
	socksVersion  = 5
	socksNone     = 0
	socksPassword = 2
	socksConnect  = 1
	socksIPv4     = 1
	socksName     = 3
	socksIPv6     = 4
)

var socksReasons = [...]string{
	1: "general failure", 2: "not allowed by its rules", 3: "network unreachable", 4: "host unreachable",
	5: "connection refused", 6: "TTL expired", 7: "command not supported", 8: "address type not supported",
}

var errSOCKS = errors.New("the proxy does not speak SOCKS 5")

// throughSOCKS connects to address through a proxy, which resolves the name.
//
// Possible errors: *net.OpError with the operation "socks connect".
func (d *dialing) throughSOCKS(proxy *url.URL, address string) (net.Conn, error) {
	conn, err := d.open(proxy)
	if err == nil {
		stop := d.watch()
		defer stop()
		if err = socksLogin(conn, proxy.User); err == nil {
			err = socksAsk(conn, address)
		}
	}
	if err != nil {
		return nil, &net.OpError{Op: "socks connect", Net: "tcp", Err: err}
	}
	return conn, nil
}

// socksLogin authenticates with the proxy.
func socksLogin(conn net.Conn, user *url.Userinfo) error {
	methods := []byte{socksNone}
	if user != nil {
		methods = append(methods, socksPassword)
	}
	chosen, err := socksRound(conn, append([]byte{socksVersion, byte(len(methods))}, methods...), 2)
	switch {
	case err != nil:
		return err
	case chosen[0] != socksVersion:
		return errSOCKS
	case chosen[1] == socksNone:
		return nil
	case chosen[1] != socksPassword || user == nil:
		return errors.New("the proxy requires credentials")
	}
	name := user.Username()
	password, _ := user.Password()
	if len(name) == 0 || len(name) > 255 || len(password) > 255 {
		return errors.New("the user or the password is too long for SOCKS 5")
	}
	login := append([]byte{1, byte(len(name))}, name...)
	login = append(append(login, byte(len(password))), password...)
	result, err := socksRound(conn, login, 2)
	if err == nil && result[1] != 0 {
		err = errors.New("the proxy rejects the credentials")
	}
	return err
}

// socksAsk requests a connection.
func socksAsk(conn net.Conn, address string) error {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil {
		return err
	}
	ask := []byte{socksVersion, socksConnect, 0}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.Is4():
		ask = append(append(ask, socksIPv4), ip.AsSlice()...)
	case err == nil:
		ask = append(append(ask, socksIPv6), ip.AsSlice()...)
	case len(host) > 255:
		return errors.New("the host name is too long for SOCKS 5")
	default:
		ask = append(append(ask, socksName, byte(len(host))), host...)
	}
	answer, err := socksRound(conn, append(ask, byte(port>>8), byte(port)), 5)
	if err != nil {
		return err
	}
	if answer[0] != socksVersion {
		return errSOCKS
	}
	if code := int(answer[1]); code != 0 {
		reason := "code " + strconv.Itoa(code)
		if code < len(socksReasons) {
			reason = socksReasons[code]
		}
		return fmt.Errorf("the proxy could not connect: %s", reason)
	}
	return socksSkip(conn, answer[3], answer[4])
}

// socksSkip reads the rest of the bound address, after its first byte, and the port.
func socksSkip(conn net.Conn, kind, first byte) error {
	rest := 2
	switch kind {
	case socksIPv4:
		rest += 3
	case socksIPv6:
		rest += 15
	case socksName:
		rest += int(first)
	default:
		return errSOCKS
	}
	_, err := io.ReadFull(conn, make([]byte, rest))
	return err
}

// socksRound writes one message and reads n bytes of the answer.
func socksRound(conn net.Conn, message []byte, n int) ([]byte, error) {
	if _, err := conn.Write(message); err != nil {
		return nil, err
	}
	answer := make([]byte, n)
	_, err := io.ReadFull(conn, answer)
	return answer, err
}
