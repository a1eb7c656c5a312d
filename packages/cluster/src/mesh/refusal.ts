import type { BrokerData, PublishOptions } from "../broker/broker.ts";
import { byteLength } from "../broker/byte-length.ts";
import { checkPublish } from "../broker/checks.ts";

/**
 * Why this cannot be published; `undefined` when it can. It is looked at before anything is written: a message that is written in half spoils
 * all that follows it on its link.
 */
export function refusalOf(topic: string, data: BrokerData, options: PublishOptions, maxDataBytes: number): Error | undefined {
  try {
    checkPublish(topic, data, options);
  } catch (error) {
    return error as RangeError;
  }
  // A character is three bytes at most.
  if (data.length <= maxDataBytes / 3) return undefined;
  const bytes = byteLength(data);
  return bytes <= maxDataBytes
    ? undefined
    : new RangeError(`publish: ${bytes} bytes are not allowed; give at most ${maxDataBytes}, a quarter of maxQueueBytes`);
}
