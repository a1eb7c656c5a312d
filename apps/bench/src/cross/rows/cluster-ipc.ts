import { note, onTold } from "@upwire-apps/faults/child";
import type { NodeNote } from "../api.ts";
import { nothing, type CrossRow } from "../row.ts";

/** Two workers of `node:cluster`; the primary, whose CPU counts too, hands each message on. */
export const clusterIpc: CrossRow = {
  label: "node:cluster, through the primary",
  kind: "control",
  through: "ipc",
  async start({ role }, onText) {
    if (role === "publisher") return { publish: (text) => note({ relay: text } satisfies NodeNote) };
    onTold((said: NodeNote) => {
      if ("relay" in said) onText(said.relay);
    });
    return { publish: nothing };
  },
};
