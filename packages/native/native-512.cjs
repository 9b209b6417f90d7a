exports.kernels = require("./addon.cjs").kernelsOf("native-512");
