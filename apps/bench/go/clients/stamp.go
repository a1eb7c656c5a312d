package main

// As in src/driver/stamp.ts: characters of five bits, four for the sender and five for the number of the message.
const (
	stampBytes = 9
	stampZero  = '0'
)

// writeStamp writes the masked stamp of a message, whose first byte is the at-th of its payload.
func writeStamp(to []byte, at, publisher, sequence int) {
	for i := 0; i < 4; i++ {
		to[i] = stampZero + byte(publisher>>(15-5*i)&31)
	}
	for i := 0; i < 5; i++ {
		to[4+i] = stampZero + byte(sequence>>(20-5*i)&31)
	}
	for i := 0; i < stampBytes; i++ {
		to[i] ^= mask[(at+i)&3]
	}
}

func readStamp(from []byte) (publisher, sequence int) {
	for _, digit := range from[:4] {
		publisher = publisher<<5 | int(digit-stampZero)
	}
	for _, digit := range from[4:stampBytes] {
		sequence = sequence<<5 | int(digit-stampZero)
	}
	return publisher, sequence
}
