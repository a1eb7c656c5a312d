// The process that is restarted: publishes numbered messages in its topics, whoever listens.
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { createRealtime } from "@upwire/realtime";
import { variants } from "../variants.ts";
import { serve, settingsOfChild } from "./child.ts";
import { BOARD, ROOM, type Finals, type RestartServerApi, type RestartServerSettings } from "./server-api.ts";

/** What crosses a planned restart. */
interface Kept {
  readonly life: string;
  readonly numbers: readonly number[];
  readonly realtime: string;
}

const { variant, port, keptPath, clients, topics, everyMs } = settingsOfChild() as RestartServerSettings;
const kept = existsSync(keptPath) ? (JSON.parse(readFileSync(keptPath, "utf8")) as Kept) : undefined;
const life = kept?.life ?? randomUUID();
/** The newest of each topic: rooms, then boards. */
const numbers = [...(kept?.numbers ?? Array.from({ length: 2 * topics }, () => 0))];

const rules = { canSubscribe: () => true, canPublish: () => true, history: { messages: 1000 } };
const realtime = createRealtime({
  // Variants take a handler for any user.
  authorize: (): unknown => undefined,
  expectedClients: clients,
  topics: {
    [ROOM]: rules,
    [BOARD]: { ...rules, state: ({ number }: { readonly number: string }) => ({ life, n: numbers[topics + Number(number)] }) },
  },
  ...(kept !== undefined && { restore: Buffer.from(kept.realtime, "base64") }),
});

const build = variants[variant];
if (build === undefined) throw new Error(`there is no variant ${variant}`);
const { server, attachment } = await build({ handler: realtime, options: {}, port });

const handles = numbers.map((_n, index) =>
  index < topics ? realtime.topic(ROOM, { number: String(index) }) : realtime.topic(BOARD, { number: String(index - topics) }),
);
let publishing: NodeJS.Timeout | undefined;

function publishAll(): void {
  for (const [index, handle] of handles.entries()) {
    const n = (numbers[index] ?? 0) + 1;
    numbers[index] = n;
    void handle.publish("numbered", { life, n });
  }
}

const api: RestartServerApi = {
  port: () => (server.address() as AddressInfo).port,
  connections: () => attachment.count,
  publish() {
    publishing = setInterval(publishAll, everyMs);
  },
  hush(): Finals {
    clearInterval(publishing);
    return { life, numbers };
  },
  async leave({ spreadMs, retryAfterMs }) {
    await attachment.shutdown({ spreadMs, retryAfterMs });
    clearInterval(publishing);
    const saved = await realtime.save();
    writeFileSync(keptPath, JSON.stringify({ life, numbers, realtime: Buffer.from(saved).toString("base64") } satisfies Kept));
  },
};
serve(api);
