import { createServer } from "node:http";
import { attach, createHub, Upgrader } from "@upwire/core";
import { memoryBroker } from "@upwire/cluster/broker";
import { createRealtime, defineContract } from "@upwire/realtime";
import { expect, it } from "vitest";
import { createMetrics } from "../src/index.ts";

const hub = createHub();
const realtime = createRealtime(defineContract({}));
const many = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`h${at}`, hub]));
const codes = 'give a list of at most 64 codes, each of 1 to 64 letters, digits, "_", "." or "-"';

it.each<[options: unknown, message: string]>([
  [null, "createMetrics: the options are null; give an object with options"],
  [{ hub: { chat: hub } }, 'createMetrics: there is no option "hub"; write "hubs"'],
  [
    { hubs: hub },
    "createMetrics: hubs: an instance of Hub has no names; give an object with names, such as { chat: … }, with what createHub() returns behind each name",
  ],
  [{ hubs: [hub] }, "createMetrics: hubs: a list has no names; give an object with names, such as { chat: … }, with what createHub() returns behind each name"],
  [
    { realtimes: realtime },
    "createMetrics: realtimes: an object has no names; give an object with names, such as { chat: … }, with what createRealtime(…) returns behind each name",
  ],
  [{ hubs: { chat: undefined } }, 'createMetrics: hubs: "chat": undefined is not allowed; give what createHub() returns'],
  [{ hubs: { chat: new Upgrader() } }, 'createMetrics: hubs: "chat": an instance of Upgrader is not allowed; give what createHub() returns'],
  [{ attachments: { main: createServer() } }, 'createMetrics: attachments: "main": an instance of Server is not allowed; give what attach(server) returns'],
  [{ attachments: { main: new Upgrader() } }, 'createMetrics: attachments: "main": an instance of Upgrader is not allowed; give what attach(server) returns'],
  [{ upgraders: { chat: hub } }, 'createMetrics: upgraders: "chat": an instance of Hub is not allowed; give a new Upgrader(…)'],
  [{ realtimes: { chat: hub } }, 'createMetrics: realtimes: "chat": an instance of Hub is not allowed; give what createRealtime(…) returns'],
  [{ clusterHubs: { chat: hub } }, 'createMetrics: clusterHubs: "chat": an instance of Hub is not allowed; give what createClusterHub(hub, broker) returns'],
  [{ brokers: { redis: "redis://localhost" } }, 'createMetrics: brokers: "redis": a string is not allowed; give a Broker, such as memoryBroker() makes'],
  [{ hubs: { "": hub } }, 'createMetrics: hubs: the name "" is not allowed; give 1 to 128 characters without halves of surrogate pairs'],
  [{ hubs: { "\ud800": hub } }, 'createMetrics: hubs: the name "\\ud800" is not allowed; give 1 to 128 characters without halves of surrogate pairs'],
  [
    { hubs: { ["x".repeat(129)]: hub } },
    `createMetrics: hubs: the name "${"x".repeat(40)}" is not allowed; give 1 to 128 characters without halves of surrogate pairs`,
  ],
  [{ hubs: many }, "createMetrics: hubs: 257 names are too many; give at most 256"],
  [{ closureCodes: "ERR_KICKED" }, `createMetrics: closureCodes: "ERR_KICKED" is not allowed; ${codes}`],
  [{ closureCodes: [""] }, `createMetrics: closureCodes: a list is not allowed; ${codes}`],
  [{ closureCodes: Array.from({ length: 65 }, () => "A") }, `createMetrics: closureCodes: a list is not allowed; ${codes}`],
  [{ readyWithoutBroker: 1 }, "createMetrics: readyWithoutBroker: 1 is not allowed; give true or false"],
  [{ eventLoopDelay: "yes" }, 'createMetrics: eventLoopDelay: "yes" is not allowed; give true or false'],
  [{ onError: "log" }, 'createMetrics: onError: "log" is not allowed; give a function'],
])("refuses %o", (options, message) => {
  expect(() => createMetrics(options as never)).toThrow(new TypeError(message));
});

it("takes what each kind of source is, and a source that throws just then", () => {
  const broken = Object.defineProperty({}, "stats", {
    get() {
      throw new Error("not yet");
    },
  });
  const options = {
    attachments: { main: attach(createServer()) },
    upgraders: { chat: new Upgrader() },
    hubs: { chat: hub, broken: broken as typeof hub },
    realtimes: { chat: realtime },
    brokers: { memory: memoryBroker() },
  };
  createMetrics(options).stop();
  createMetrics().stop();
  createMetrics(Object.assign(Object.create(null) as object, options)).stop();
});
