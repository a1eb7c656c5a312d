import { Message, PreparedMessage } from "@upwire/core";
import { kinds, type Broadcastable } from "@upwire/core/adapter";
import type { BrokerData } from "../broker/broker.ts";

/** A message for the members here, framed once, and the same for other nodes. */
export interface Payload {
  readonly local: Broadcastable;
  readonly wire: BrokerData;
}

/** @throws TypeError for what cannot be sent. */
export function payloadOf(data: Broadcastable): Payload {
  if (typeof data === "string") return { local: data, wire: data };
  if (data instanceof Message) return { local: data, wire: data.isBinary ? data.bytes : data.text() };
  if (kinds.callback.fits(data)) throw new TypeError("broadcast: a function cannot be asked on other nodes; give text or bytes");
  // The bytes may be used for something else after the call, so both ways need a copy.
  const prepared = data instanceof PreparedMessage ? data : new PreparedMessage(data);
  return { local: prepared, wire: prepared.isBinary ? prepared.payload : prepared.payload.toString() };
}
