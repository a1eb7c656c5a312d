import { RealtimeError } from "@upwire/protocol";

/** What a broker rejects with when it cannot do now what it is asked. */
export function unavailable(message: string, cause?: unknown): RealtimeError {
  return new RealtimeError("unavailable", message, { retryable: true, ...(cause !== undefined && { cause }) });
}

/** What a broker throws at the second `start`. */
export function startedTwice(): Error {
  return new Error("start: this broker has been started already; make one for each node, or give its users the parts of shareBroker(broker)");
}

/** What a closed broker rejects with. */
export function closed(): RealtimeError {
  return unavailable("this broker has been closed");
}

/** What a broker throws when it is used before `start`. */
export function notStarted(): Error {
  return new Error("this broker has not been started; call start(sink) first");
}
