#!/usr/bin/env node
"use strict";

require("./launch.js")("mcp-secure-remote");
