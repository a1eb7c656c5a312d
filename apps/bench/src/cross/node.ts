// One node of a row, in a process of its own: the publisher or the subscriber.
import { note, onTold, serve, settingsOfChild } from "@upwire-apps/faults/child";
import type { NodeApi, NodeNote, NodeSettings } from "./api.ts";
import { crossRows } from "./rows/index.ts";
import { Sender } from "./sender.ts";
import { Tally } from "./tally.ts";
import { nowUs } from "./text.ts";

const { row: name, role, url, folder, topic, inFlight } = settingsOfChild() as NodeSettings;
const row = crossRows[name];
if (row === undefined) throw new Error(`there is no row "${name}"`);

const tell = (said: NodeNote): void => note(said);
const tally = new Tally(inFlight / 2, (received) => tell({ received }));
const node = await row.start({ role, url, folder, topic }, tally.take);
const sender = new Sender(node, inFlight);
onTold((said: NodeNote) => {
  if ("received" in said) sender.received(said.received);
});

const api: NodeApi = {
  port: () => node.port ?? 0,
  publish: (mode) => sender.start(mode),
  stop: () => sender.stop(),
  clear: () => tally.clear(),
  snapshot: () => ({ ...tally.count, sent: sender.sent, atUs: nowUs() }),
};
serve(api);
