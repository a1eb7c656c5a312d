import type { Envelope } from "@upwire/cluster/envelope";

/** Bytes and what they say. `written: false`: a later release writes it so, and this one must read it. */
export interface Vector {
  readonly title: string;
  readonly hex: string;
  readonly envelope: Envelope | undefined;
  readonly written?: false;
}

const node = "node-0001";
const nodeHex = "09 6e6f64652d30303031";
const plain = { kind: "publications", node, earlierMs: undefined, position: undefined } as const;

export const vectors: readonly Vector[] = [
  {
    title: "one text without history, the first of its topic",
    hex: `7577 01 01 0c 01 ${nodeHex} 01  03 00 6869`,
    envelope: { ...plain, first: 1, items: [{ data: "hi", origin: undefined }] },
  },
  {
    title: "two publications without history, text and bytes, one with an origin",
    hex: `7577 01 01 0f 03 ${nodeHex} ac02 f403  04 00 e282ac  07 03 02 6f31 00 ff 7f`,
    envelope: {
      ...plain,
      first: 300,
      earlierMs: 500,
      items: [
        { data: "€", origin: undefined },
        { data: Uint8Array.of(0, 255, 127), origin: "o1" },
      ],
    },
  },
  {
    title: "nothing but an empty text and no bytes, with history",
    hex: `7577 01 01 1c 04 ${nodeHex} 08 6570 6f63 6831 3233 0000 0000 0000 0102  01 00  01 01`,
    envelope: {
      ...plain,
      first: undefined,
      position: { epoch: "epoch123", offset: 258 },
      items: [
        { data: "", origin: undefined },
        { data: new Uint8Array(0), origin: undefined },
      ],
    },
  },
  {
    title: "a position with the run of the engine that gave it",
    hex: `7577 01 01 1f 0c ${nodeHex} 08 6570 6f63 6831 3233 0000 0000 0000 0001 02 7231  02 00 61`,
    envelope: { ...plain, first: undefined, position: { epoch: "epoch123", offset: 1 }, run: "r1", items: [{ data: "a", origin: undefined }] },
  },
  {
    title: "a number under which nothing was published",
    hex: `7577 01 01 0d 11 ${nodeHex} 07 01`,
    envelope: { ...plain, first: 7, skipped: 1, items: [] },
  },
  {
    title: "an offset of the greatest number that is safe",
    hex: `7577 01 01 1c 04 ${nodeHex} 08 6570 6f63 6831 3233 001f ffff ffff ffff`,
    envelope: { ...plain, first: undefined, position: { epoch: "epoch123", offset: Number.MAX_SAFE_INTEGER }, items: [] },
  },
  {
    title: "the tops of two topics",
    hex: `7577 01 02 0a ${nodeHex}  06 01 61 ac02 8407  05 02 c3a4 01 00`,
    envelope: {
      kind: "tops",
      node,
      tops: [
        { topic: "a", number: 300, ageMs: 900 },
        { topic: "ä", number: 1, ageMs: 0 },
      ],
    },
  },
  {
    title: "something told to a node",
    hex: `7577 01 03 0a ${nodeHex} 010203`,
    envelope: { kind: "control", node, data: Uint8Array.of(1, 2, 3) },
  },
  {
    title: "fields and flags that a later release may add",
    hex: `7577 01 01 0e 81 ${nodeHex} 01 beef  0a f6 02 6f31 03 c0ffee 68 69`,
    envelope: { ...plain, first: 1, items: [{ data: "hi", origin: "o1" }] },
    written: false,
  },
  {
    title: "tops with a field that a later release may add",
    hex: `7577 01 02 0b ${nodeHex} ff  06 01 61 01 02 beef`,
    envelope: { kind: "tops", node, tops: [{ topic: "a", number: 1, ageMs: 2 }] },
    written: false,
  },
  { title: "a version that comes later", hex: `7577 02 01 00`, envelope: { kind: "newer", version: 2 }, written: false },
  { title: "a kind that comes later", hex: `7577 01 63 00 beef`, envelope: { kind: "newer", version: 1 }, written: false },
  { title: "nothing", hex: "", envelope: undefined, written: false },
  { title: "text of another program", hex: "7b2274797065223a226d657373616765227d", envelope: undefined, written: false },
  { title: "two bytes like ours, and no more", hex: "7577", envelope: undefined, written: false },
  { title: "version 0", hex: `7577 00 01 0c 01 ${nodeHex} 01`, envelope: undefined, written: false },
  { title: "a header longer than the bytes", hex: `7577 01 01 7f 01 ${nodeHex} 01`, envelope: undefined, written: false },
  { title: "an item longer than the bytes", hex: `7577 01 01 0c 01 ${nodeHex} 01 04 00 6869`, envelope: undefined, written: false },
  { title: "an item of no bytes, not even flags", hex: `7577 01 01 0c 01 ${nodeHex} 01 00`, envelope: undefined, written: false },
  { title: "a number 0, where they begin with 1", hex: `7577 01 01 0c 01 ${nodeHex} 00 03 00 6869`, envelope: undefined, written: false },
  { title: "a number without an end", hex: `7577 01 01 14 01 ${nodeHex} ffffffffffffffffff`, envelope: undefined, written: false },
  { title: "a node's name with a letter that none has", hex: `7577 01 01 0c 01 09 6e6f64652d30303a31 01`, envelope: undefined, written: false },
  {
    title: "an offset that is no safe number",
    hex: `7577 01 01 1c 04 ${nodeHex} 08 6570 6f63 6831 3233 0020 0000 0000 0000`,
    envelope: undefined,
    written: false,
  },
];
