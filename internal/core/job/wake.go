package job

import (
	"context"
	"database/sql"
	"encoding/json"
	"sync"

	"github.com/riverqueue/river/riverdriver"
)

// insertTopic is the topic on which River's workers hear of new jobs.
const insertTopic = "river_insert"

// wakingDriver gives River a listener inside the process. SQLite has none, and
// asking the database five times a second for each queue costs more than the rest
// of an idle server. Workers still ask now and then: another node may have
// inserted, and a retry becomes due without anybody saying so.
type wakingDriver struct {
	riverdriver.Driver[*sql.Tx]
	bus *wakeBus
}

func (d wakingDriver) SupportsListener() bool { return true }

// SupportsListenNotify is false: notes are sent after the commit, by Runner.Insert,
// and not by the database.
func (d wakingDriver) SupportsListenNotify() bool { return false }

func (d wakingDriver) GetListener(*riverdriver.GetListenenerParams) riverdriver.Listener {
	return d.bus
}

// wakeBus carries the names of queues that got work. It never blocks the sender:
// when it is full, the workers look by themselves soon.
type wakeBus struct {
	mu     sync.Mutex
	topics map[string]bool
	ch     chan string
}

func newWakeBus() *wakeBus { return &wakeBus{topics: map[string]bool{}, ch: make(chan string, 256)} }

// wake says that the queue has work.
func (b *wakeBus) wake(queue string) {
	select {
	case b.ch <- queue:
	default:
	}
}

// Close, Connect, Ping, Schema and SetAfterConnectExec have nothing to do here.
func (b *wakeBus) Close(context.Context) error   { return nil }
func (b *wakeBus) Connect(context.Context) error { return nil }
func (b *wakeBus) Ping(context.Context) error    { return nil }
func (b *wakeBus) Schema() string                { return "" }
func (b *wakeBus) SetAfterConnectExec(string)    {}

// Listen begins to pass a topic on.
func (b *wakeBus) Listen(_ context.Context, topic string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.topics[topic] = true
	return nil
}

// Unlisten ends it.
func (b *wakeBus) Unlisten(_ context.Context, topic string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.topics, topic)
	return nil
}

// WaitForNotification gives the next note.
func (b *wakeBus) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case queue := <-b.ch:
			b.mu.Lock()
			wanted := b.topics[insertTopic]
			b.mu.Unlock()
			if !wanted {
				continue
			}
			payload, err := json.Marshal(map[string]string{"queue": queue})
			if err != nil {
				return nil, err
			}
			return &riverdriver.Notification{Topic: insertTopic, Payload: string(payload)}, nil
		}
	}
}

var _ riverdriver.Listener = (*wakeBus)(nil)
