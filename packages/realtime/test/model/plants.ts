import type { Frame, Plant, PlantView } from "./client-setup.ts";
import type { Rule } from "./journal.ts";

/** A fault that the model has to find, and the rules by which it may. */
export interface PlantedFault {
  readonly name: string;
  readonly plant: Plant;
  readonly rules: readonly Rule[];
}

/** Every so many times, so that a run gets as far as the fault. */
const NOW_AND_THEN = 10;

/** The faults are put between the server and its clients, where each looks as if the server, or the client, had it. */
export const plantedFaults: readonly PlantedFault[] = [
  {
    name: "a publication between replay and live is lost",
    plant: { toClient: (frame, view) => withoutOffset(frame, view, "between", ({ offset }) => offset + 1) },
    rules: ["lost"],
  },
  {
    name: "a replay begins one too late",
    plant: { toClient: (frame, view) => withoutOffset(frame, view, "first", ({ after, offset }) => (after < offset ? after + 1 : undefined)) },
    rules: ["lost"],
  },
  { name: "the reply moves the position", plant: { movesByReply: true }, rules: ["lost"] },
  {
    name: "a foreign epoch is accepted",
    plant: {
      toServer(frame, view) {
        const since = frame["since"] as { readonly epoch?: string } | undefined;
        return since?.epoch === undefined ? frame : { ...frame, since: { ...since, epoch: view.epochOf(String(frame["topic"])) ?? since.epoch } };
      },
    },
    rules: ["resume false"],
  },
  {
    name: "a gap is not told",
    plant: { toClient: (frame) => (frame["type"] === "upwire.gap" ? [] : [frame]) },
    rules: ["lost"],
  },
  {
    name: "a gap is told where there is none",
    plant: {
      toClient(frame, view) {
        const position = isNext(frame, view) ? view.positionOf(String(frame["topic"])) : undefined;
        if (position === undefined || !isNowAndThen(view, "gap")) return [frame];
        const { epoch, offset } = position;
        return [{ type: "upwire.gap", topic: frame["topic"], payload: { after: offset, epoch, offset: offset + 1, reason: "slow" } }];
      },
    },
    rules: ["wrong gap"],
  },
  {
    name: "a retry with a key is published again",
    plant: {
      toServer(frame) {
        const { key, ...without } = frame;
        return key === undefined ? frame : without;
      },
    },
    rules: ["published twice"],
  },
  {
    name: "a reply is dropped by a policy",
    plant: { toClient: (frame, view) => (frame["re"] !== undefined && !view.isTaking ? [] : [frame]) },
    rules: ["reply missing", "not subscribed"],
  },
  { name: "a state is older than its position", plant: { showsOldState: true }, rules: ["state too old"] },
  {
    name: "a subscription that is behind skips one",
    plant: { toClient: (frame, view) => (isNext(frame, view) && wasBehind(view) ? [] : [frame]) },
    rules: ["lost"],
  },
];

interface Resumed {
  readonly after: number;
  readonly offset: number;
}

/** Drops, after each resume, the publication with the offset that `choose` names. */
function withoutOffset(frame: Frame, { notes }: PlantView, name: string, choose: (resumed: Resumed) => number | undefined): readonly Frame[] {
  const resumed = frame["payload"] as (Resumed & { readonly resumed?: boolean }) | undefined;
  const { re, offset } = frame as { readonly re?: number; readonly offset?: number };
  if (re !== undefined && resumed?.resumed === true) notes.set(`${name} ${re}`, choose(resumed));
  if (offset === undefined || frame["topic"] === undefined) return [frame];
  for (const [note, dropped] of notes) {
    if (dropped !== offset) continue;
    notes.delete(note);
    return [];
  }
  return [frame];
}

/** A publication that the client waits for. */
function isNext(frame: Frame, view: PlantView): boolean {
  const { topic, offset } = frame as { readonly topic?: string; readonly offset?: number };
  return topic !== undefined && offset !== undefined && view.positionOf(topic)?.offset === offset - 1;
}

/** The first time after the client has stopped reading. */
function wasBehind({ notes, pauses }: PlantView): boolean {
  const before = (notes.get("pauses") as number | undefined) ?? 0;
  notes.set("pauses", pauses);
  return pauses > before;
}

function isNowAndThen({ notes }: PlantView, name: string): boolean {
  const times = ((notes.get(name) as number | undefined) ?? 0) + 1;
  notes.set(name, times);
  return times % NOW_AND_THEN === 0;
}
