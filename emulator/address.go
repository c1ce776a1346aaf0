package emulator

import (
	"fmt"
	"math/big"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// IPRange is a range of addresses: "192.0.2.0/24", "192.0.2.1-192.0.2.9" or a single address, IPv4 or IPv6.
type IPRange string

func (r IPRange) bounds() (from, to netip.Addr, err error) {
	text := strings.TrimSpace(string(r))
	if first, last, ok := strings.Cut(text, "-"); ok {
		from, errFrom := netip.ParseAddr(strings.TrimSpace(first))
		to, errTo := netip.ParseAddr(strings.TrimSpace(last))
		if errFrom == nil && errTo == nil && from.BitLen() == to.BitLen() && from.Compare(to) <= 0 {
			return from, to, nil
		}
	} else if addr, err := netip.ParseAddr(text); err == nil {
		return addr, addr, nil
	} else if prefix, err := netip.ParsePrefix(text); err == nil {
		return prefix.Masked().Addr(), lastOf(prefix), nil
	}
	return from, to, fmt.Errorf("IP range %q: want an address, first-last, or a prefix such as 192.0.2.0/24", text)
}

func lastOf(prefix netip.Prefix) netip.Addr {
	last := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < len(last)*8; bit++ {
		last[bit/8] |= 1 << (7 - bit%8)
	}
	addr, _ := netip.AddrFromSlice(last)
	return addr
}

// size is the number of addresses in the range; 0 for one that cannot be read.
func (r IPRange) size() *big.Int {
	from, to, err := r.bounds()
	if err != nil {
		return new(big.Int)
	}
	first, last := new(big.Int).SetBytes(from.AsSlice()), new(big.Int).SetBytes(to.AsSlice())
	return last.Sub(last, first).Add(last, big.NewInt(1))
}

// within reports whether addr lies in one of the ranges.
func within(ranges []IPRange, addr netip.Addr) bool {
	return slices.ContainsFunc(ranges, func(r IPRange) bool {
		from, to, err := r.bounds()
		return err == nil && from.BitLen() == addr.BitLen() && from.Compare(addr) <= 0 && addr.Compare(to) <= 0
	})
}

func checkRanges(key string, ranges []IPRange, most int) error {
	if len(ranges) > most {
		return fmt.Errorf("%s: %d ranges, and %d are allowed", key, len(ranges), most)
	}
	for _, r := range ranges {
		if _, _, err := r.bounds(); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// Salesforce's limits for the allow-list of refresh tokens (H:set_ip_allowlist_for_refresh_tokens).
const (
	maxRanges    = 128
	maxAllowList = 256 // addresses, all ranges together
)

// checkAllowList also counts the addresses.
func checkAllowList(key string, ranges []IPRange) error {
	if err := checkRanges(key, ranges, maxRanges); err != nil {
		return err
	}
	sum := new(big.Int)
	for _, r := range ranges {
		sum.Add(sum, r.size())
	}
	if sum.Cmp(big.NewInt(maxAllowList)) > 0 {
		return fmt.Errorf("%s: %s addresses, and %d are allowed", key, sum, maxAllowList)
	}
	return nil
}

// address is where a request comes from: the connection's other end or, when the configuration names a header for it, the
// first address in that header. Only a test should name one: whoever can reach the emulator can write it.
func (s *Server) address(c *call) netip.Addr {
	if !c.address.IsValid() {
		c.address = s.addressOf(c.r)
	}
	return c.address
}

func (s *Server) addressOf(r *http.Request) netip.Addr {
	if s.addressHeader != "" {
		first, _, _ := strings.Cut(r.Header.Get(s.addressHeader), ",")
		if addr, err := netip.ParseAddr(strings.TrimSpace(first)); err == nil {
			return addr.Unmap()
		}
	}
	if end, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return end.Addr().Unmap().WithZone("")
	}
	return netip.Addr{} // a listener without addresses, such as a Unix socket
}
