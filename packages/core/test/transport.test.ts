import { describeTransport } from "@upwire/testing";
import { transports } from "./transports.ts";

for (const [name, open] of Object.entries(transports)) describeTransport(name, open);
