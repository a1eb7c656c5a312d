import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { CloseInfo } from "../base/close-code.ts";
import type { Connection } from "../connection/connection.ts";
import type { ConnectionError, DropCode, RefusalCode } from "../base/errors.ts";
import { kindOf } from "../base/kind-of.ts";
import { guard } from "../base/guard.ts";
import { oneOf, shownValue } from "../base/option-check.ts";
import type { ErrorSource } from "../connection/options.ts";
import { channels } from "../base/channels.ts";
import type { UpgradeRequest } from "../checks/upgrade-request.ts";

/** What each diagnostics channel of upwire publishes, by its name. */
export interface UpwireEvents {
  "upwire:open": { readonly connection: Connection };
  "upwire:close": { readonly connection: Connection; readonly info: CloseInfo };
  /** upwire itself ends this connection. */
  "upwire:closure": { readonly connection: Connection; readonly error: ConnectionError };
  "upwire:refused": { readonly code: RefusalCode; readonly status: number; readonly request: UpgradeRequest };
  /** Ended before its first request was complete. */
  "upwire:dropped": { readonly code: DropCode; readonly remoteAddress: string | undefined };
  /** A fault of the application's own code. */
  "upwire:error": ErrorSource & { readonly error: unknown };
}

/**
 * Calls `listener` with every event of this name in this process: `subscribe` of `node:diagnostics_channel`, typed and guarded.
 * What a subscriber throws ends the process; what `listener` throws, or its promise is rejected with, is published on
 * `upwire:error`, and what a listener of that one does is lost.
 * @returns what ends it. @throws TypeError for what is no event or no function.
 */
export function onEvent<Name extends keyof UpwireEvents>(name: Name, listener: (event: UpwireEvents[Name]) => unknown): () => void {
  const names = Object.values(channels).map((one) => String(one.name));
  if (!names.includes(name)) throw new TypeError(`onEvent: there is no event ${shownValue(name)}; write one of ${oneOf(names)}`);
  if (typeof listener !== "function") throw new TypeError(`onEvent: ${kindOf(listener)} is no listener; give a function`);
  const failed = (error: unknown): void => {
    if (name !== "upwire:error") channels.error.publish({ error });
  };
  const guarded = (event: unknown): void => guard(() => listener(event as UpwireEvents[Name]), failed);
  subscribe(name, guarded);
  return () => void unsubscribe(name, guarded);
}
