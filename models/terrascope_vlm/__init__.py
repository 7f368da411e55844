"""The reference TerraScope: a vision-language model that draws the regions it speaks of and reads their pixels.

Written anew from arXiv 2603.19039. One implementation serves every size: the configuration decides.
"""
