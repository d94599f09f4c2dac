"""A whole emulated board: kernel, systemd, sshd, disks; deployed to, starved, hung, and robbed of its power."""
