import type { ServerResponse } from "node:http";
import { Opcode } from "../client-frame.ts";
import { titleOf, type Cell, type Kind } from "./cell.ts";
import { THEIR_ANSWER } from "./neighbour.ts";
import { BODY, EARLY, get, hasBody, lateName, upgradeBytes } from "./requests.ts";
import { rightAnswer, type RightAnswer } from "./right-answer.ts";
import { scripts, type Round, type Unfinished } from "./scripts.ts";
import type { Stage } from "./stage.ts";
import type { StateClient } from "./state-client.ts";

const LATE = "begun, ended";

/** How the application takes longer than a handshake may, with a request that is none. */
const lateAnswers: Partial<Record<Kind, (page: ServerResponse, stage: Stage) => Promise<void>>> = {
  "h2c, answered late": async (page, stage) => {
    await stage.clock.step();
    page.writeHead(200).end(LATE);
  },
  "h2c, downloading late": async (page, stage) => {
    page.writeHead(200).write(LATE.slice(0, 5));
    await stage.clock.step();
    page.end(LATE.slice(5));
  },
};

/** Plays one cell. Never rejects. Returns what was wrong, under the cell's title. */
export async function playCell(cell: Cell, name: string, stage: Stage): Promise<string | undefined> {
  let client: StateClient | undefined;
  try {
    client = await stage.connect();
    await play(cell, { stage, client, name });
    return undefined;
  } catch (error) {
    return `${titleOf(cell)}: ${(error as Error).message}`;
  } finally {
    client?.socket.destroy();
  }
}

async function play(cell: Cell, { stage, client, name }: Omit<Round, "upgrade">): Promise<void> {
  const right = rightAnswer(cell);
  const { first, later } = upgradeBytes(cell, name);
  const unfinished = await scripts[cell.state]({ stage, client, name, upgrade: first });
  await stage.turn();
  if (right.by === "neighbour amid") return judgeAmid(client, stage, unfinished);
  await unfinished?.finish();
  if (later !== undefined && right.by === "us") {
    // A body may take longer than a handshake.
    await stage.clock.step();
    client.send(later);
  }
  if (right.by === "no answer") await client.end();
  else if (right.by === "neighbour") await judgeNeighbour(client, stage);
  else await judgeOurs(cell, right, { client, stage, name });
}

async function judgeOurs(cell: Cell, right: RightAnswer, { client, stage, name }: Omit<Round, "upgrade">): Promise<void> {
  if (right.waits) {
    await stage.turn();
    if (client.isOver || client.hasMore) throw new Error(`answered before the deadline, while another listener may still answer: ${client.summary}`);
    await stage.clock.step();
  }
  const late = lateAnswers[cell.kind];
  await late?.(await stage.page(lateName(name)), stage);
  const { head, body } = await client.response("the upgrade request");
  if (!right.statuses.includes(head.status)) throw new Error(`answered with ${head.status}; ${right.statuses.join(" or ")} is right`);
  if (head.status === 200) {
    const page = late !== undefined ? LATE : hasBody(cell) ? BODY : "http";
    if (body.toString() !== page) throw new Error(`answered with the body ${JSON.stringify(body.toString())}; ${JSON.stringify(page)} is right`);
  }
  if (right.goesOn === "WebSocket") await talk(client);
  else if (right.goesOn === "HTTP") await goOn(client, stage);
  else await client.end();
}

/** Echoes, and a clean end: whatever of HTTP comes among them is no frame. */
async function talk(client: StateClient): Promise<void> {
  const expectFrame = async (opcode: number, payload: string): Promise<void> => {
    const frame = await client.frame();
    if (frame.opcode !== opcode || frame.payload.toString("latin1") !== payload) {
      throw new Error(`behind the 101 came a frame of opcode ${frame.opcode}: ${JSON.stringify(frame.payload.toString("latin1", 0, 100))}`);
    }
  };
  await expectFrame(Opcode.text, EARLY);
  client.sendFrame({ opcode: Opcode.text, payload: "again" });
  await expectFrame(Opcode.text, "again");
  client.sendFrame({ opcode: Opcode.close, payload: Buffer.of(0x03, 0xe8) });
  await expectFrame(Opcode.close, "\x03\xe8");
  await client.end();
}

/** The connection is kept alive, past the deadline of any handshake. */
async function goOn(client: StateClient, stage: Stage): Promise<void> {
  await stage.clock.step();
  client.send(get("/http"));
  const { head, body } = await client.response("a further request");
  if (head.status !== 200 || body.toString() !== "http")
    throw new Error(`a further request was answered with ${head.status} ${JSON.stringify(body.toString())}`);
  await stage.turn();
  if (client.hasMore || client.isOver) throw new Error("more came than was asked for, or the connection ended");
}

/** Only the neighbour's bytes come, also after the deadline. */
async function judgeNeighbour(client: StateClient, stage: Stage): Promise<void> {
  await client.text(THEIR_ANSWER);
  client.send("<one>");
  await client.text("<one>");
  await stage.clock.step();
  client.send("<two>");
  await client.text("<two>");
  await stage.turn();
  const { received } = client;
  const behind = received.toString("latin1", received.indexOf(THEIR_ANSWER) + THEIR_ANSWER.length);
  if (behind !== "<one><two>") throw new Error(`behind the neighbour's answer came ${JSON.stringify(behind)}`);
}

/** The neighbour writes into an earlier response, as it would without us. What is not its own is of earlier responses. */
async function judgeAmid(client: StateClient, stage: Stage, unfinished: Unfinished | undefined): Promise<void> {
  client.socket.resume();
  await client.text(THEIR_ANSWER);
  unfinished?.abandon();
  await stage.turn();
  await stage.clock.step();
  await stage.turn();
  const neighbours = client.received.indexOf(THEIR_ANSWER);
  const statuses = client.statuses.filter(({ at }) => at !== neighbours).map(({ status }) => status);
  if (statuses.some((status) => status !== "200")) throw new Error(`beside the neighbour's answer came ${statuses.join(", ")}`);
}
