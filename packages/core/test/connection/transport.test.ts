import { describeTransport } from "@upwire/testing";
import { transports } from "../helpers/transports.ts";

for (const [name, open] of Object.entries(transports)) describeTransport(name, open);
