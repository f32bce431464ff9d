"""From studies to runs: each row's config, checked and named; nothing here touches a store or trains."""
