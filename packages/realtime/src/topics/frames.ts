import type { BrokerData } from "@upwire/cluster/broker";
import { PreparedMessage } from "@upwire/core";
import type { GapReason, Position } from "@upwire/protocol";

/** The first members of each publication of a topic in `upwire.v1`, up to the number of the offset; all of them without history. */
export function headOf(name: string, { hasHistory }: { readonly hasHistory: boolean }): string {
  return hasHistory ? `{"topic":${JSON.stringify(name)},"offset":` : `{"topic":${JSON.stringify(name)}`;
}

/** A publication for clients of `upwire.v1`. @param head `headOf` its topic, with the offset behind it. */
export function v1Frame(data: BrokerData, head: string): PreparedMessage {
  return new PreparedMessage(typeof data === "string" ? `${head},${data.slice(1)}` : v1Bytes(data, head));
}

/** A publication for clients that speak no protocol: the text as it was published, or the bytes alone. */
export function plainFrame(data: BrokerData): PreparedMessage {
  return new PreparedMessage(typeof data === "string" ? data : data.subarray(payloadAt(data)));
}

/** The same header with members in front. Every header of a publication has a member already: its type. */
function v1Bytes(data: Uint8Array, head: string): Uint8Array {
  const header = Buffer.from(`${head},`);
  const rest = data.subarray(5);
  const bytes = new Uint8Array(4 + header.byteLength + rest.byteLength);
  new DataView(bytes.buffer).setUint32(0, payloadAt(data) - 4 - 1 + header.byteLength);
  bytes.set(header, 4);
  bytes.set(rest, 4 + header.byteLength);
  return bytes;
}

function payloadAt(data: Uint8Array): number {
  return 4 + new DataView(data.buffer, data.byteOffset).getUint32(0);
}

export interface GapParts {
  readonly topic: string;
  readonly reason: GapReason;
  /** `undefined` without history. */
  readonly place: { readonly after: number; readonly to: Position } | undefined;
  /** JSON. */
  readonly state: string | undefined;
}

export function gapText({ topic, reason, place, state }: GapParts): string {
  const positions = place === undefined ? "" : `"after":${place.after},"epoch":${JSON.stringify(place.to.epoch)},"offset":${place.to.offset},`;
  const stateMember = state === undefined ? "" : `,"state":${state}`;
  return `{"type":"upwire.gap","topic":${JSON.stringify(topic)},"payload":{${positions}"reason":"${reason}"${stateMember}}}`;
}
