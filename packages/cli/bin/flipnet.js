#!/usr/bin/env node
// npm links a command when it installs, and in a clone that is before anything is built: so this file is not built.
import "../dist/main.js";
