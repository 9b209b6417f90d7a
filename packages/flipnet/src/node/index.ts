/** `flipnet/node`: what a library for Node and browsers leaves out because it reads files. */

export {
  type AgentLog,
  type AgentLogOptions,
  deleteEvents,
  type LogEntry,
  openAgentLog,
  readAgentLog,
  replayAgentLog,
  vowpalWabbitText,
} from "./agent-log.ts";
export { type ImageSets, loadLabelledImages } from "./data.ts";
