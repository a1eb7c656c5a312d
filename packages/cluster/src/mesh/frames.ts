/** The kinds of frames on a link. A reader skips one that it does not know. */
export const frames = {
  /** The first of who has connected: JSON, see `Hello`. */
  hello: 1,
  /** The answer to it, of the same form. */
  welcome: 2,
  /** The other answer: JSON, why not. The connection ends. */
  refused: 3,
  /** Messages. Batches are numbered, by counting, from the first of a node to another one on. */
  batch: 4,
  /** All batches up to a number (text of digits) have come. */
  ack: 5,
  /** The first after the handshake, in both directions: JSON, see `Begin`. */
  begin: 6,
  /** The first on the second connection, by which who was connected to answers: JSON, see `Back`. */
  back: 7,
} as const;

/** The kinds of messages in a batch. A reader skips one that it does not know, and what follows the fields that it knows. */
export const messages = {
  /** number of the topic, flags, [origin], data: a publication without history. */
  publication: 1,
  /** number, topic: the sender has members of this topic, without history; it is the sender that numbers its topics. */
  want: 2,
  /** number: no longer. */
  unwant: 3,
  /** number…: the receiver has lost publications of these topics. */
  gaps: 4,
  /** data: what `tell` was given. */
  tell: 5,
  /** Asks for an ack soon. */
  ask: 6,
  /** number, [name of a node]: the sender's place in the order of the nodes; that of the node that handed over to it. */
  rank: 7,
  /** JSON: the sender was the home, and another node goes on in its place. The heir hears it first. */
  moved: 8,
  /** The sender ends. */
  bye: 9,
  /** number: the sender has begun to serve as the home, for the time of that number. One that has asked it before, as another home, asks again. */
  home: 10,
  /** The sender is not the home, or not sure of it: it ignores what it is asked, until `again`. */
  notHome: 11,
  /** To the home. number, first number that is not answered, topic, flags, [bounds], [key], [keyMs], [keyOwner], flags, [origin], data. */
  publish: 12,
  /** number, flags, others, epoch, offset: the answer. */
  published: 13,
  /** To the home. number of the topic, topic, bounds. */
  subscribe: 14,
  /** number of the topic, epoch, top: the answer. */
  subscribed: 15,
  /** To the home. number of the topic. */
  unsubscribe: 16,
  /** To the home. number, topic, after, limit. */
  history: 17,
  /** number, epoch, top, first, then offset, flags and data of each: the answer. */
  page: 18,
  /** number of the topic, epoch, offset, flags, [origin], data: a publication with history. */
  entry: 19,
  /** number, bytes: a part of what the home hands over, and where it begins. */
  inheritance: 20,
  /** number: all has been sent; so many bytes at its beginning are JSON, the publishers, and the rest are the histories. */
  inherit: 21,
  /** The receiver's inheritance is complete here: the answer. */
  inherited: 22,
  /** To the home. number: all that has no answer is asked again from here on, beginning with so many subscriptions. */
  again: 23,
  /** To the heir: it is the only one. No other node was told that it is the home, nor will be. */
  onlyHeir: 24,
} as const;

export const flags = { text: 1, origin: 2, key: 4, keyMs: 8, repeated: 16, bounds: 32, failed: 64, keyOwner: 128 } as const;
