package main

import "time"

// traffic is who has sent what, who has got it, and whether in order, as in src/driver/traffic.ts. Reader i is in group
// i % groups, and hears the publishers of its group.
type traffic struct {
	groups   int
	perGroup int
	ring     int
	// Per publisher and message under way: when it was to be sent, and how many have yet to get it.
	planned []time.Duration
	missing []int
	sent    []int
	// Per reader and publisher of its group: the number to come.
	next    []int
	members []int
	// Of what was to be sent since the window began.
	latencies  histogram
	windowFrom time.Duration
	expected   int
	delivered  int
	// What will not come any more: skipped, or meant for a client that is gone.
	lost      int
	disorders int
	closed    int
	// Called when all have got a message.
	onComplete func(publisher int)
}

func newTraffic(readers, groups, perGroup, outstanding int) *traffic {
	publishers := groups * perGroup
	t := &traffic{
		groups:     groups,
		perGroup:   perGroup,
		ring:       outstanding,
		planned:    make([]time.Duration, publishers*outstanding),
		missing:    make([]int, publishers*outstanding),
		sent:       make([]int, publishers),
		next:       make([]int, readers*perGroup),
		members:    make([]int, groups),
		windowFrom: 1<<63 - 1,
		onComplete: func(int) {},
	}
	for reader := 0; reader < readers; reader++ {
		t.members[reader%groups]++
	}
	return t
}

// clientOf is the client that sends as this publisher.
func (t *traffic) clientOf(publisher int) int {
	return publisher%t.perGroup*t.groups + publisher/t.perGroup
}

// sending notes a message that is about to be sent. It returns its number.
func (t *traffic) sending(publisher int, planned time.Duration) int {
	sequence := t.sent[publisher]
	t.sent[publisher]++
	slot := t.slot(publisher, sequence)
	members := t.members[publisher/t.perGroup]
	t.planned[slot] = planned
	t.missing[slot] = members
	t.expected += members
	return sequence
}

func (t *traffic) deliver(reader, publisher, sequence int, now time.Duration) {
	first := reader % t.groups * t.perGroup
	if publisher < first || publisher >= first+t.perGroup || sequence >= t.sent[publisher] {
		t.disorders++
		return
	}
	next := &t.next[reader*t.perGroup+publisher-first]
	if sequence != *next {
		t.disorders++
		if sequence < *next {
			return
		}
		// What was skipped will not come any more, and nobody should wait for it.
		t.lose(publisher, *next, sequence)
	}
	*next = sequence + 1
	t.delivered++
	if planned := t.planned[t.slot(publisher, sequence)]; planned >= t.windowFrom {
		t.latencies.add(now - planned)
	}
	t.settle(publisher, sequence)
}

// dropped notes that a client is gone: it gets nothing any more.
func (t *traffic) dropped(reader int) {
	if reader*t.perGroup >= len(t.next) {
		return // It had stopped.
	}
	t.closed++
	group := reader % t.groups
	t.members[group]--
	for i := 0; i < t.perGroup; i++ {
		publisher := group*t.perGroup + i
		t.lose(publisher, t.next[reader*t.perGroup+i], t.sent[publisher])
	}
}

// outstanding is how many deliveries are still to come.
func (t *traffic) outstanding() int {
	return t.expected - t.delivered - t.lost
}

func (t *traffic) lose(publisher, from, to int) {
	for sequence := from; sequence < to; sequence++ {
		t.lost++
		t.settle(publisher, sequence)
	}
}

func (t *traffic) settle(publisher, sequence int) {
	slot := t.slot(publisher, sequence)
	t.missing[slot]--
	if t.missing[slot] == 0 {
		t.onComplete(publisher)
	}
}

func (t *traffic) slot(publisher, sequence int) int {
	return publisher*t.ring + sequence%t.ring
}
