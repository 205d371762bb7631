package bulk

import "fmt"

// Operation is the action on a document: the value of Write_Operation.
type Operation uint8

// The operations. Update merges the document into the one that is there,
// Upsert also creates it where there is none, Delete needs the id only.
const (
	Create Operation = iota
	Index
	Update
	Upsert
	Delete
)

var operationNames = [...]string{Create: "create", Index: "index", Update: "update", Upsert: "upsert", Delete: "delete"}

// actionNames are the bulk API's: an upsert is an update that says so in its
// body.
var actionNames = [...]string{Create: "create", Index: "index", Update: "update", Upsert: "update", Delete: "delete"}

func (o Operation) String() string { return operationNames[o] }

// ParseOperation reads an operation's name.
func ParseOperation(name string) (Operation, error) {
	for o, n := range operationNames {
		if n == name {
			return Operation(o), nil
		}
	}
	return 0, fmt.Errorf("bulk: %q is no operation", name)
}

// Body returns the text before and behind the document in the line after the action.
func (o Operation) Body() (before, behind string) {
	switch o {
	case Update:
		return `{"doc":`, `}`
	case Upsert:
		return `{"doc":`, `,"doc_as_upsert":true}`
	}
	return "", ""
}

// HasBody reports whether a line follows the action at all.
func (o Operation) HasBody() bool { return o != Delete }
