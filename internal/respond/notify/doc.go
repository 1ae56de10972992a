// Package notify tells people and channels. Its nouns are the channel (a name and
// how to reach it), the contact method of a person, the notification (one message
// to one recipient, with a key that is used once) and the attempt to deliver it.
//
// A notification is queued in the transaction that justifies it, sent or failed
// at the end. It never decides who is told of what; respond.oncall does.
package notify
