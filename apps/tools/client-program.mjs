// Plays on a stage in the runtime that runs it: `client-program.mjs ORIGIN`, and prints what each player told as JSON. Each entry of the
// built client plays, and on Node each kind of WebSocket. It ends by itself, or a client has left something behind.
import * as client from "@upwire/client";
import * as pageClient from "@upwire/client/browser.js";
import * as socket from "@upwire/client/socket";
import * as pageSocket from "@upwire/client/socket.js";
import { WebSocket } from "ws";
import { play } from "./client-play.mjs";

const origin = process.argv[2];
const isNode = !process.versions.bun && !process.versions.deno;
const modules = { ...client, ...socket };
const own = [
  ["own WebSocket", modules],
  ["own WebSocket, one file", { ...pageClient, ...pageSocket }],
];
const players = [...(isNode ? [["ws", modules, WebSocket]] : []), ...(globalThis.WebSocket ? own : [])];
const told = await Promise.all(
  players.map(async ([name, from, Socket], index) => [name, await play(from, { origin, name: `player-${index}`, WebSocket: Socket })]),
);
console.log(JSON.stringify(Object.fromEntries(told)));
