const { createAgent } = require("flipnet");
const { loadLabelledImages } = require("flipnet/node");

createAgent({ inputs: 2, actions: 2 }).then((agent) => {
  console.log(typeof agent.act([0, 1]), typeof loadLabelledImages);
});
