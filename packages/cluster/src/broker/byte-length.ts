import type { BrokerData } from "./broker.ts";

/** How many bytes `data` is; text as UTF-8. */
export function byteLength(data: BrokerData): number {
  if (typeof data !== "string") return data.byteLength;
  let bytes = data.length;
  for (let at = 0; at < data.length; at++) {
    const unit = data.charCodeAt(at);
    if (unit < 0x80) continue;
    // A surrogate is half of four bytes; one that stands alone becomes U+FFFD, three bytes, and counts as two.
    bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return bytes;
}
