import { kindOfObject } from "../base/kind-of.ts";
import { kinds, readOptions, type OptionKinds } from "../base/option-check.ts";
import { Hub } from "./hub.ts";
import type { HubObserver } from "./memberships.ts";

const observerKinds: OptionKinds<HubObserver> = { onFirst: kinds.callback, onEmpty: kinds.callback };

/**
 * For layers that carry messages to other processes: tells which audiences of a hub have members, beside the hooks of its options.
 * `onFirst` is called for what has members already, before this returns, unless a hook of the hub is what calls it.
 * @returns what ends it.
 * @throws TypeError for what is no hub of this copy of core, and an observer that cannot be meant.
 */
export function observeHub<Context>(hub: Hub<Context>, observer: HubObserver): () => void {
  const memberships = Hub.membershipsOf(hub);
  if (memberships === undefined) throw new TypeError(`observeHub: ${kindOfObject(hub)} is no hub; give what createHub() returned`);
  return memberships.observe(readOptions<HubObserver>("observeHub", observer, observerKinds));
}
