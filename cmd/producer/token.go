package main

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"sluice/internal/token"
)

type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Make a token and print it, this once. With --senders a,b those senders alone are there for it: no senders file is read here."`
	List   tokenListCommand   `cmd:"" help:"List the tokens, without their secrets."`
	Revoke tokenRevokeCommand `cmd:"" help:"End a token."`
}

type tokenCreateCommand struct {
	Name   string   `arg:"" help:"What the token is for."`
	Scopes []string `required:"" help:"What it may do: read, write, send, pii, suppress, admin." placeholder:"SCOPE"`
	Allow  []string `help:"Networks that it may be used from, such as 10.0.0.0/8; from any if not given. Behind a proxy that is the proxy's address." placeholder:"CIDR"`
	Days   int      `help:"For how many days it is good; 0: until it is revoked." placeholder:"N"`
}

// Run makes a token. Nothing but the token is printed on standard output.
func (c *tokenCreateCommand) Run(a *app) error {
	if c.Days < 0 {
		return &usageError{fmt.Errorf("--days: %d is less than 0", c.Days)}
	}
	if err := a.connect(); err != nil {
		return err
	}
	senders, err := c.senders(a)
	if err != nil {
		return err
	}
	text, t, err := a.desk.CreateToken(a.ctx, token.Order{
		Name: c.Name, Scopes: c.Scopes, Senders: senders, Allow: c.Allow, For: time.Duration(c.Days) * 24 * time.Hour,
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(shown(a.err), "producer: token %s is made for %s; it is shown this once\n", t.ID, t.Name)
	_, err = fmt.Fprintln(a.out, text)
	return err
}

// senders are those that the token is bound to: --senders names them here, and not
// the senders file, which a token does not need.
func (c *tokenCreateCommand) senders(a *app) ([]string, error) {
	if a.Senders == cmp.Or(a.getenv("SLUICE_SENDERS"), defaultSenders) {
		return nil, nil
	}
	names := strings.Split(a.Senders, ",")
	for _, name := range names {
		if name == "" || strings.ContainsAny(name, "/. ") {
			return nil, &usageError{fmt.Errorf("--senders: %q is no sender's name; here it names the senders that are there for the token", name)}
		}
	}
	return names, nil
}

type tokenListCommand struct {
	JSON bool `help:"Print one JSON object a line."`
}

// Run lists the tokens.
func (c *tokenListCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	all, err := token.NewStore(a.redis, a.now).List(a.ctx)
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(shown(a.out), 0, 0, 2, ' ', 0)
	if !c.JSON {
		fmt.Fprintln(t, "ID\tNAME\tSCOPES\tSENDERS\tALLOW\tCREATED\tUSED")
	}
	for i := range all {
		k := &all[i]
		if c.JSON {
			err = printJSON(a.out, k)
		} else {
			senders, used, allow := "all", "never", "any"
			if len(k.Senders) > 0 {
				senders = strings.Join(k.Senders, ",")
			}
			if len(k.Allow) > 0 {
				allow = strings.Join(k.Allow, ",")
			}
			if k.Used != nil {
				used = atText(*k.Used)
			}
			_, err = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, strings.Join(k.Scopes, ","), senders, allow, atText(k.Created), used)
		}
		if err != nil {
			return err
		}
	}
	return t.Flush()
}

type tokenRevokeCommand struct {
	ID string `arg:"" help:"The token's id: the eight characters behind slc_."`
}

// Run ends a token.
func (c *tokenRevokeCommand) Run(a *app) error {
	if err := a.connect(); err != nil {
		return err
	}
	gone, err := a.desk.RevokeToken(a.ctx, c.ID)
	if err != nil {
		return err
	}
	if !gone {
		return fmt.Errorf("there is no token %s", c.ID)
	}
	_, err = fmt.Fprintf(a.out, "token %s is revoked\n", c.ID)
	return err
}
