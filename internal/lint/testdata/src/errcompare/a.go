package errcompare

import (
	"errors"
	"io"
	"net"
)

type own struct{}

func (own) Error() string { return "own" }

// Is defines what is the same, so it compares.
func (own) Is(err error) bool { return err == io.EOF }

func compare(err, other error) bool {
	if err == nil || nil != other {
		return true
	}
	if err == io.EOF { // want `an error is compared by ==`
		return true
	}
	if err != other { // want `an error is compared by !=`
		return true
	}
	switch err {
	case nil:
	case io.EOF: // want `an error is compared by a switch`
	}
	if _, ok := err.(net.Error); ok { // want `the type of an error is asserted`
		return true
	}
	switch err.(type) { // want `the type of an error is asserted`
	case own:
	}
	/*lint:allow errcompare*/ if err == io.EOF { // want `an error is compared by ==`
		return true // a comment without a reason allows nothing
	}
	if err == io.EOF { //lint:allow errcompare a Reader gives it as it is
		return true
	}
	//lint:allow errwrap another check
	return err == other || errors.Is(err, io.EOF) // want `an error is compared by ==`
}

func other(a, b any) bool { return a == b }
