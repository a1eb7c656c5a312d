// What a resume takes at least: the same words on the wire as upwire.v1, without permissions, bounds, or anything that could
// happen meanwhile.
import { attach, PreparedMessage, websocket } from "@upwire/core";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { EVENT, TOPIC } from "../topic-text.ts";
import { listen, type Row } from "./row.ts";

const SUBPROTOCOL = "upwire.v1";
const EPOCH = "bench-only";
const HELLO = '{"type":"upwire.hello","payload":{}}';

interface Subscribe {
  readonly id: number;
  readonly since?: { readonly offset: number };
}

/** An array of what was published; the offset of a message is its place, from 1. */
class Replay<Message> {
  readonly #messages: Message[] = [];
  readonly #prepare: (text: string) => Message;

  constructor(prepare: (text: string) => Message) {
    this.#prepare = prepare;
  }

  add(text: string): Message {
    const offset = this.#messages.length + 1;
    const message = this.#prepare(JSON.stringify({ topic: TOPIC, offset, type: EVENT, payload: { text } }));
    this.#messages.push(message);
    return message;
  }

  /** Gives the reply to a subscribe frame, then what was missed. */
  answer(frame: string, sendReply: (reply: string) => void, sendMissed: (message: Message) => void): void {
    const { id, since } = JSON.parse(frame) as Subscribe;
    const top = this.#messages.length;
    const after = since?.offset ?? top;
    sendReply(JSON.stringify({ re: id, payload: { epoch: EPOCH, offset: top, after, resumed: since !== undefined } }));
    for (let at = after; at < top; at++) sendMissed(this.#messages[at] as Message);
  }
}

function coreRow(): Row {
  const replay = new Replay((text) => new PreparedMessage(text));
  const members = new Set<{ send(message: PreparedMessage): unknown }>();
  const ws = websocket(
    {
      open: (connection) => void connection.send(HELLO),
      message(connection, message) {
        replay.answer(
          message.text(),
          (reply) => void connection.send(reply),
          (missed) => void connection.send(missed),
        );
        members.add(connection);
      },
      close: (connection) => void members.delete(connection),
    },
    { subprotocols: [SUBPROTOCOL] },
  );
  const server = createServer((req, res) => void ws(req, res));
  attach(server);
  return {
    start: () => listen(server),
    async publish(texts) {
      for (const message of texts.map((text) => replay.add(text))) for (const member of members) member.send(message);
    },
  };
}

function wsRow(): Row {
  const replay = new Replay((text) => text);
  const server = createServer();
  const wss = new WebSocketServer({ server, handleProtocols: () => SUBPROTOCOL });
  wss.on("connection", (ws) => {
    ws.on("error", () => ws.terminate());
    ws.send(HELLO);
    ws.on("message", (data: Buffer) => {
      replay.answer(
        data.toString(),
        (reply) => ws.send(reply),
        (missed) => ws.send(missed),
      );
    });
  });
  return {
    start: () => listen(server),
    async publish(texts) {
      for (const message of texts.map((text) => replay.add(text))) for (const ws of wss.clients) ws.send(message);
    },
  };
}

export const replay: { readonly core: () => Row; readonly ws: () => Row } = { core: coreRow, ws: wsRow };
