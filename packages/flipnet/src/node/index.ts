/** `flipnet/node`: what a library for Node and browsers leaves out because it reads files. */

export {
  type AgentLog,
  type AgentLogOptions,
  deleteEvents,
  type LogEntry,
  openAgentLog,
  readAgentLog,
  replayAgentLog,
} from "./agent-log.ts";
export { loadVersion, rollBack, saveVersion, type VersionOptions, versionsOf } from "./agent-versions.ts";
export { type ImageSets, loadLabelledImages } from "./data.ts";
export { type GymnasiumOptions, gymnasium } from "./gymnasium.ts";
export { loadModel } from "./model.ts";
export { vowpalWabbitJson, vowpalWabbitText } from "./vowpal-wabbit.ts";
