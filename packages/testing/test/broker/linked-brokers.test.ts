import { describeBroker } from "@upwire/testing";
import { linkedMaker } from "./linked.ts";

describeBroker("linked", linkedMaker(), { save: "its nodes share one memory" });
