import type { Connection } from "@upwire/core";
import type { Position } from "@upwire/protocol";
import type { Restriction } from "./publication.ts";

/** How something is published. */
export interface TopicPublishOptions extends Restriction {
  /** Idempotency key, scoped by user already: within `keyMs` a second publish with it publishes nothing. */
  readonly key?: string | undefined;
  /** Whose key it is. */
  readonly keyOwner?: string | undefined;
  /** Milliseconds. */
  readonly keyMs?: number | undefined;
  /** Whose publish it is: that connection gets the publication after `onPosition`, whatever way it takes. */
  readonly publisher?: Connection | undefined;
  /** Called once, before the publication is queued to anybody here: queues the reply. Not called when the publish is rejected. */
  readonly onPosition?: ((position: Position | undefined) => void) | undefined;
}
